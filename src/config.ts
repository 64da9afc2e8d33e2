import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { kafkaFields, kafkaProblem, kafkaTarget } from "./kafka-settings.ts";
import { LOG_LEVELS } from "./logger.ts";

const PROCESS_ROLES = ["grpc", "http", "consumer", "relay", "jobs"] as const;

const PROJECT = fileURLToPath(new URL("..", import.meta.url));

function number(min: number, max: number, { whole = false } = {}) {
  const fits = (value: number) => value >= min && value <= max && (!whole || Number.isInteger(value));
  return z
    .string()
    .transform((text) => (/^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN))
    .refine(fits, { error: `must be a ${whole ? "whole " : ""}number from ${min} to ${max}` });
}

const oneOf = <const T extends readonly string[]>(values: T) =>
  z.enum(values, { error: `must be one of ${values.join(", ")}` });
const port = number(0, 65_535, { whole: true }); // 0: any free one
const urlOf = (...schemes: string[]) =>
  z.string().refine((text) => URL.canParse(text) && schemes.includes(new URL(text).protocol.slice(0, -1)), {
    error: `must be a URL that begins with ${schemes.map((scheme) => `${scheme}://`).join(" or ")}`,
  });

const schema = z.object({
  DATABASE_URL: urlOf("postgres", "postgresql").optional(),
  REDIS_URL: urlOf("redis", "rediss").optional(),
  ...kafkaFields,
  DATA_DIR: z.string().default(".data"),
  GRPC_PORT: port.default(50_051),
  HTTP_PORT: port.default(8080),
  METRICS_PORT: port.optional(),
  HOST: z.string().default("127.0.0.1"),
  AUTH: oneOf(["tokens", "none"]).default("tokens"),
  AUTH_SECRET: z.string().min(32, "must have at least 32 characters").optional(),
  AUTH_JWKS: z.string().optional(),
  TLS_CERT: z.string().optional(),
  TLS_KEY: z.string().optional(),
  TLS_CLIENT_CA: z.string().optional(),
  LISTINGS_URL: urlOf("http", "https").optional(),
  DELIVERY_URL: urlOf("http", "https").optional(),
  REFLECTION: oneOf(["on", "off"]).default("on"),
  ROLES: z
    .string()
    .default(PROCESS_ROLES.join(","))
    .transform((text) => text.split(",").map((role) => role.trim()))
    .pipe(z.array(z.enum(PROCESS_ROLES, { error: `must be a list of ${PROCESS_ROLES.join(", ")}` })).min(1)),
  LOG_LEVEL: oneOf(LOG_LEVELS).default("info"),
  TRACKING_POLL_SECONDS: number(0.1, 86_400).default(60),
  MOCK_CARRIER_SPEED: number(1, 1_000_000).default(1),
  CARRIERS: z.string().optional(),
  CARRIER_RULES: z.string().optional(),
  CREDENTIALS_KEY: z.string().optional(),
  CHANNELS: z.string().optional(),
  LABEL_STORE_URL: urlOf("s3").optional(),
  AWS_ACCESS_KEY_ID: z.string().optional(),
  AWS_SECRET_ACCESS_KEY: z.string().optional(),
  AWS_SESSION_TOKEN: z.string().optional(),
  DRAIN_SECONDS: number(0, 60).optional(),
});

export type Config = ReturnType<typeof readConfig>;

/** A setting that stops the start: one line, which names it. */
export class ConfigError extends Error {}

/** The environment, read once and checked. An empty value counts as unset. */
export function readConfig(environment: Record<string, string | undefined> = process.env) {
  const given = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ""),
  );
  const read = schema.safeParse(given);
  if (!read.success) throw new ConfigError(explain(read.error));
  const { TLS_CERT, TLS_KEY, TLS_CLIENT_CA, ...others } = read.data;
  const { LABEL_STORE_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, ...config } = others;
  if ((TLS_CERT === undefined) !== (TLS_KEY === undefined))
    throw new ConfigError(
      `${TLS_CERT ? "TLS_KEY" : "TLS_CERT"}: TLS_CERT and TLS_KEY are set together, or neither is`,
    );
  if (TLS_CLIENT_CA && !TLS_CERT)
    throw new ConfigError(
      "TLS_CLIENT_CA: callers' certificates can be asked for only with TLS_CERT and TLS_KEY",
    );
  if (config.AUTH_JWKS) checkKeySet(config.AUTH_JWKS);
  const tls =
    TLS_CERT && TLS_KEY
      ? {
          cert: pem("TLS_CERT", TLS_CERT),
          key: pem("TLS_KEY", TLS_KEY),
          clientCa: TLS_CLIENT_CA ? pem("TLS_CLIENT_CA", TLS_CLIENT_CA) : undefined,
        }
      : undefined;
  // A platform's load balancer needs a while to notice that we go; nobody balances over a private database.
  const DRAIN_SECONDS = config.DRAIN_SECONDS ?? (config.DATABASE_URL ? 5 : 0);
  const CARRIERS = settingsOf("CARRIERS", config.CARRIERS, "fedex");
  const CARRIER_RULES = config.CARRIER_RULES && listOf("CARRIER_RULES", config.CARRIER_RULES);
  const CHANNELS = settingsOf("CHANNELS", config.CHANNELS, "best_buy");
  const labelBucket = LABEL_STORE_URL ? bucketOf(LABEL_STORE_URL, others) : undefined;
  const problem = kafkaProblem(config);
  if (problem) throw new ConfigError(`${problem.name}: ${problem.problem}`);
  return {
    ...config,
    CARRIERS,
    CARRIER_RULES,
    CHANNELS,
    DRAIN_SECONDS,
    DATA_DIR: resolve(PROJECT, config.DATA_DIR),
    tls,
    kafka: kafkaTarget(config, pem),
    labelBucket,
  };
}

type Keys = Pick<
  z.output<typeof schema>,
  "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" | "AWS_SESSION_TOKEN"
>;

/** `s3://bucket/a/prefix?region=eu-central-1&endpoint=https://minio.example`: without an endpoint, Amazon's. */
function bucketOf(
  text: string,
  { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN: sessionToken }: Keys,
) {
  const { hostname: bucket, pathname, searchParams } = new URL(text);
  const region = searchParams.get("region") ?? "us-east-1";
  const endpoint = searchParams.get("endpoint") ?? `https://s3.${region}.amazonaws.com`;
  const prefix = pathname.replace(/^\/+|\/+$/g, "");
  if (
    !/^[a-z0-9][a-z0-9.-]{2,62}$/.test(bucket) ||
    !/^[\w./-]*$/.test(prefix) ||
    !/^https?:\/\//.test(endpoint)
  )
    throw new ConfigError(
      "LABEL_STORE_URL: must be such as s3://bucket/prefix?region=eu-central-1&endpoint=https://store.example",
    );
  if (!AWS_ACCESS_KEY_ID || !AWS_SECRET_ACCESS_KEY)
    throw new ConfigError("LABEL_STORE_URL: needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
  const credentials = {
    accessKeyId: AWS_ACCESS_KEY_ID,
    secretAccessKey: AWS_SECRET_ACCESS_KEY,
    sessionToken,
  };
  return { endpoint, region, bucket, prefix: prefix === "" ? "" : `${prefix}/`, credentials };
}

/** Several processes on a database that was named have to trust the same tokens, so their key is named too. */
export function requireTokenKeys({ AUTH, AUTH_SECRET, AUTH_JWKS, DATABASE_URL }: Config): void {
  if (AUTH === "tokens" && DATABASE_URL && !AUTH_SECRET && !AUTH_JWKS)
    throw new ConfigError(
      "AUTH_SECRET: with DATABASE_URL set, AUTH=tokens needs AUTH_SECRET (at least 32 characters) or AUTH_JWKS",
    );
}

function explain(error: z.ZodError): string {
  const [issue] = error.issues;
  return `${String(issue?.path[0] ?? "environment")}: ${issue?.message ?? "is wrong"}`;
}

function pem(name: string, path: string): Buffer {
  const bytes = read(name, path);
  if (!bytes.includes("-----BEGIN ")) throw new ConfigError(`${name}: ${path} is not a PEM file`);
  return bytes;
}

function checkKeySet(source: string): void {
  if (/^https?:/.test(source)) return;
  const text = read("AUTH_JWKS", source).toString();
  if (!z.object({ keys: z.array(z.object({ kty: z.string() })).min(1) }).safeParse(parseJson(text)).success)
    throw new ConfigError(
      `AUTH_JWKS: must be a URL, or a file with a JSON Web Key Set, which ${source} is not`,
    );
}

/** JSON text, or the path of a file with it. It holds credentials: of what is wrong with it, nothing is repeated. */
function settingsOf(name: string, source: string | undefined, example: string): Record<string, unknown> {
  if (source === undefined) return {};
  const settings = z.record(z.string(), z.unknown()).safeParse(jsonOf(name, source));
  if (settings.success) return settings.data;
  throw new ConfigError(`${name}: must be JSON such as {"${example}": {…}}, or the path of a file with it`);
}

function listOf(name: string, source: string): unknown[] {
  const list = z.array(z.unknown()).safeParse(jsonOf(name, source));
  if (list.success) return list.data;
  throw new ConfigError(
    `${name}: must be a JSON list such as [{"carrier_code": "fedex"}], or the path of a file`,
  );
}

function jsonOf(name: string, source: string): unknown {
  const isPath = !/["'{}\n]|:\s/.test(source);
  return parseJson(isPath ? read(name, source).toString() : source);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function read(name: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new ConfigError(`${name}: ${path} can't be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

/** What a child process needs of the surroundings, and nothing that would set the service differently. */
export function surroundings(): Record<string, string> {
  const { PATH = "", HOME = "", TMPDIR, LANG } = process.env;
  return { PATH, HOME, ...(TMPDIR ? { TMPDIR } : {}), ...(LANG ? { LANG } : {}) };
}
