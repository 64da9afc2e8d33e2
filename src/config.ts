import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { LOG_LEVELS } from "./logger.ts";

const PROCESS_ROLES = ["grpc", "http", "consumer", "relay", "jobs"] as const;

const PROJECT = fileURLToPath(new URL("..", import.meta.url));

const port = (fallback: number) => z.coerce.number().int().min(0).max(65_535).default(fallback);
const urlOf = (...schemes: string[]) =>
  z.string().refine((text) => URL.canParse(text) && schemes.includes(new URL(text).protocol.slice(0, -1)), {
    error: `must be a URL that begins with ${schemes.map((scheme) => `${scheme}://`).join(" or ")}`,
  });

const schema = z.object({
  DATABASE_URL: urlOf("postgres", "postgresql").optional(),
  REDIS_URL: urlOf("redis", "rediss").optional(),
  DATA_DIR: z.string().default(".data"),
  GRPC_PORT: port(50_051),
  HTTP_PORT: port(8080),
  HOST: z.string().default("127.0.0.1"),
  AUTH: z.enum(["tokens", "none"]).default("tokens"),
  AUTH_SECRET: z.string().min(32, "must have at least 32 characters").optional(),
  AUTH_JWKS: z.string().optional(),
  TLS_CERT: z.string().optional(),
  TLS_KEY: z.string().optional(),
  TLS_CLIENT_CA: z.string().optional(),
  LISTINGS_URL: urlOf("http", "https").optional(),
  REFLECTION: z.enum(["on", "off"]).default("on"),
  ROLES: z
    .string()
    .default(PROCESS_ROLES.join(","))
    .transform((text) => text.split(",").map((role) => role.trim()))
    .pipe(z.array(z.enum(PROCESS_ROLES, { error: `must be a list of ${PROCESS_ROLES.join(", ")}` })).min(1)),
  LOG_LEVEL: z.enum(LOG_LEVELS).default("info"),
  TRACKING_POLL_SECONDS: z.coerce.number().min(0.1).max(86_400).default(60),
  MOCK_CARRIER_SPEED: z.coerce.number().min(1).max(1_000_000).default(1),
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
  const { TLS_CERT, TLS_KEY, TLS_CLIENT_CA, ...config } = read.data;
  if ((TLS_CERT === undefined) !== (TLS_KEY === undefined))
    throw new ConfigError(
      `${TLS_CERT ? "TLS_KEY" : "TLS_CERT"}: TLS_CERT and TLS_KEY are set together, or neither is`,
    );
  if (config.AUTH === "tokens" && config.DATABASE_URL && !config.AUTH_SECRET && !config.AUTH_JWKS)
    throw new ConfigError("AUTH_SECRET: with DATABASE_URL set, AUTH=tokens needs AUTH_SECRET or AUTH_JWKS");
  const tls =
    TLS_CERT && TLS_KEY
      ? {
          cert: pem("TLS_CERT", TLS_CERT),
          key: pem("TLS_KEY", TLS_KEY),
          clientCa: TLS_CLIENT_CA ? pem("TLS_CLIENT_CA", TLS_CLIENT_CA) : undefined,
        }
      : undefined;
  return { ...config, DATA_DIR: resolve(PROJECT, config.DATA_DIR), tls };
}

function explain(error: z.ZodError): string {
  const [issue] = error.issues;
  return `${String(issue?.path[0] ?? "environment")}: ${issue?.message ?? "is wrong"}`;
}

function pem(name: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch {
    throw new ConfigError(`${name}: the file ${path} can't be read`);
  }
}
