import { isIP } from "node:net";
import { ProduceAcks, Producer, stringSerializers } from "@platformatic/kafka";
import type { KafkaTarget } from "../kafka-settings.ts";
import type { StreamEntry } from "./consumer-group.ts";

const CONNECT_MS = 2_000;
const REQUEST_MS = 4_000;
/** Within one attempt, where the broker knows the repetition by its number and stores it once. */
const RETRIES = 2;
const RETRY_MS = 200;

/** A producer of which one failure is the end: what comes after it goes through a new one. */
export class KafkaProducer {
  readonly #topic: string;
  readonly #producer: Producer<string, string, string, string>;

  constructor({ brokers, topic, tls, sasl }: KafkaTarget) {
    this.#topic = topic;
    this.#producer = new Producer({
      clientId: "warehouse-service",
      bootstrapBrokers: [...brokers],
      serializers: stringSerializers,
      idempotent: true,
      acks: ProduceAcks.ALL,
      producerId: -1n, // by the protocol: one that has no number yet
      producerEpoch: -1,
      autocreateTopics: true, // where the brokers allow it
      connectTimeout: CONNECT_MS,
      requestTimeout: REQUEST_MS,
      retries: RETRIES,
      retryDelay: RETRY_MS,
      // By its name: many brokers share an address. An address by itself can't be asked for so.
      ...(tls && { tls, tlsServerName: brokers.some((broker) => isIP(hostOf(broker)) === 0) }),
      ...(sasl && { sasl }),
    });
  }

  /** Settles when a broker has answered for the topic. */
  async probe(): Promise<void> {
    await this.#producer.metadata({ topics: [this.#topic], autocreateTopics: true });
  }

  /** Settles when every replica that has to has them. An order's messages share a partition, and so keep their order. */
  async send(entries: readonly StreamEntry[]): Promise<void> {
    await this.#producer.send({ messages: entries.map((entry) => this.#toMessage(entry)) });
  }

  /** Nothing is under way any more, or it is given up. */
  close(): void {
    this.#producer.close().catch(() => {});
  }

  #toMessage({ fields }: StreamEntry) {
    const { order_id, shipment_id, event_id = "", type = "" } = fields;
    return {
      topic: this.#topic,
      key: order_id ?? shipment_id ?? "",
      value: JSON.stringify(fields),
      headers: { event_id, type },
    };
  }
}

function hostOf(broker: string): string {
  return broker.slice(0, broker.lastIndexOf(":"));
}
