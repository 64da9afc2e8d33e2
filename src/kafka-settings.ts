import { z } from "zod";

const brokers = z
  .string()
  .transform((text) => text.split(",").map((broker) => broker.trim()))
  .refine((list) => list.every((broker) => /^[\w.-]+:\d{1,5}$/.test(broker)), {
    error: "must be a list such as kafka-1.example:9092,kafka-2.example:9092",
  });
const topic = z
  .string()
  .regex(/^(?!\.{1,2}$)[\w.-]{1,249}$/, "must be a topic of letters, digits, ., _ and -");

const MECHANISMS = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] as const;

const switches = z.enum(["on", "off"], { error: "must be one of on, off" });

/** What the environment says about Kafka, name by name. */
export const kafkaFields = {
  KAFKA_BROKERS: brokers.optional(),
  KAFKA_TOPIC: topic.default("tracking.updated"),
  KAFKA_TLS: switches.optional(),
  KAFKA_TLS_CA: z.string().optional(),
  KAFKA_TLS_CERT: z.string().optional(),
  KAFKA_TLS_KEY: z.string().optional(),
  KAFKA_SASL_MECHANISM: z.enum(MECHANISMS, { error: `must be one of ${MECHANISMS.join(", ")}` }).optional(),
  KAFKA_SASL_USERNAME: z.string().optional(),
  KAFKA_SASL_PASSWORD: z.string().optional(),
};

const schema = z.object(kafkaFields);
type KafkaFields = z.output<typeof schema>;
type Name = keyof KafkaFields;

/** Where tracking events go besides Redis, and how we show that we may send them. */
export interface KafkaTarget {
  /** Each as host:port. */
  brokers: readonly string[];
  topic: string;
  tls?: { ca?: Buffer; cert?: Buffer; key?: Buffer } | undefined;
  sasl?: { mechanism: (typeof MECHANISMS)[number]; username: string; password: string } | undefined;
}

/** What does not fit together: the setting's name, and what is wanted; never what was given. */
export function kafkaProblem(given: KafkaFields): { name: Name; problem: string } | undefined {
  const { KAFKA_BROKERS, KAFKA_TLS, KAFKA_SASL_MECHANISM: mechanism } = given;
  const more = (Object.keys(kafkaFields) as Name[]).filter((name) => name !== "KAFKA_TOPIC" && given[name]);
  if (!KAFKA_BROKERS) return more[0] && { name: more[0], problem: "means nothing without KAFKA_BROKERS" };
  const needing = (name: Name, other: Name) =>
    given[name] && !given[other] ? { name: other, problem: `is needed with ${name}` } : undefined;
  const files = (["KAFKA_TLS_CA", "KAFKA_TLS_CERT", "KAFKA_TLS_KEY"] as const).find((name) => given[name]);
  if (files && KAFKA_TLS === "off") return { name: files, problem: "is not used while KAFKA_TLS is off" };
  // Without TLS, PLAIN shows the password to everybody on the way: that has to be meant.
  if (mechanism === "PLAIN" && !isEncrypted(given) && KAFKA_TLS === undefined)
    return {
      name: "KAFKA_TLS",
      problem: "must be on with KAFKA_SASL_MECHANISM=PLAIN, or off where the network may see the password",
    };
  return (
    needing("KAFKA_TLS_CERT", "KAFKA_TLS_KEY") ??
    needing("KAFKA_TLS_KEY", "KAFKA_TLS_CERT") ??
    needing("KAFKA_SASL_MECHANISM", "KAFKA_SASL_USERNAME") ??
    needing("KAFKA_SASL_MECHANISM", "KAFKA_SASL_PASSWORD") ??
    needing("KAFKA_SASL_USERNAME", "KAFKA_SASL_MECHANISM") ??
    needing("KAFKA_SASL_PASSWORD", "KAFKA_SASL_MECHANISM")
  );
}

/** Undefined: there is no Kafka. `pem` reads the file that a setting names. */
export function kafkaTarget(
  given: KafkaFields,
  pem: (name: Name, path: string) => Buffer,
): KafkaTarget | undefined {
  const { KAFKA_BROKERS, KAFKA_TOPIC, KAFKA_SASL_MECHANISM: mechanism } = given;
  if (!KAFKA_BROKERS) return undefined;
  const file = (name: "KAFKA_TLS_CA" | "KAFKA_TLS_CERT" | "KAFKA_TLS_KEY") =>
    given[name] === undefined ? undefined : pem(name, given[name]);
  const [ca, cert, key] = [file("KAFKA_TLS_CA"), file("KAFKA_TLS_CERT"), file("KAFKA_TLS_KEY")];
  const { KAFKA_SASL_USERNAME: username = "", KAFKA_SASL_PASSWORD: password = "" } = given;
  return {
    brokers: KAFKA_BROKERS,
    topic: KAFKA_TOPIC,
    tls: isEncrypted(given) ? { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) } : undefined,
    sasl: mechanism && { mechanism, username, password },
  };
}

function isEncrypted({ KAFKA_TLS, KAFKA_TLS_CA, KAFKA_TLS_CERT }: KafkaFields): boolean {
  return KAFKA_TLS === "on" || KAFKA_TLS_CA !== undefined || KAFKA_TLS_CERT !== undefined;
}
