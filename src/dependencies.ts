import { setTimeout as delay } from "node:timers/promises";
import { Redis } from "ioredis";
import pg from "pg";
import type { Logger } from "./logger.ts";

const PATIENCE_MS = 30_000;
const RETRY_MS = 500;
const TELL_EVERY_MS = 3_000;

/** A dependency that is not there, or too old: one line for the operator. */
export class DependencyError extends Error {}

/** Waits until PostgreSQL 15 or newer answers. */
export async function awaitPostgres(url: string, logger: Logger): Promise<void> {
  const version = await patiently(`PostgreSQL at ${hostOf(url)}`, logger, async () => {
    const client = new pg.Client({
      connectionString: url,
      connectionTimeoutMillis: 2_000,
      query_timeout: 2_000,
    });
    client.on("error", () => {});
    try {
      await client.connect();
      const { rows } = await client.query<{ version: string }>(
        "select current_setting('server_version_num') as version",
      );
      return Number(rows[0]?.version ?? 0);
    } finally {
      await client.end().catch(() => {});
    }
  });
  if (version < 150_000)
    throw new DependencyError(
      `PostgreSQL at ${hostOf(url)} is version ${Math.floor(version / 10_000)}: 15 or newer is needed`,
    );
}

/** Waits until Redis (or Valkey) 7.0 or newer answers. */
export async function awaitRedis(url: string, logger: Logger): Promise<void> {
  const version = await patiently(`Redis at ${hostOf(url)}`, logger, async () => {
    const redis = new Redis(url, {
      lazyConnect: true,
      retryStrategy: () => null,
      connectTimeout: 2_000,
      maxRetriesPerRequest: 0,
    });
    let problem: unknown; // says more than the call that fails because of it
    redis.on("error", (error: unknown) => (problem = error));
    try {
      await redis.connect();
      return (
        /redis_version:(\d+)\.(\d+)/
          .exec(await redis.info("server"))
          ?.slice(1)
          .map(Number) ?? [0, 0]
      );
    } catch (error) {
      throw problem ?? error;
    } finally {
      redis.disconnect();
    }
  });
  if ((version[0] ?? 0) < 7)
    throw new DependencyError(
      `Redis at ${hostOf(url)} is version ${version.join(".")}: 7.0 or newer is needed`,
    );
}

/** Asks a Redis again and again over one connection, which mends itself. */
export function probeRedis(url: string): { check: () => Promise<undefined>; close: () => Promise<void> } {
  const redis = new Redis(url, {
    maxRetriesPerRequest: 1,
    connectTimeout: 1_500,
    commandTimeout: 1_500,
    retryStrategy: (attempt) => Math.min(attempt * 200, 1_000),
  });
  redis.on("error", () => {}); // the check that meets it says it
  const check = async () => {
    await redis.ping();
    return undefined;
  };
  return { check, close: async () => redis.disconnect() };
}

/** Tries again while a dependency is coming up, and says so; gives up after half a minute. */
async function patiently<T>(what: string, logger: Logger, probe: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + PATIENCE_MS;
  let tellAt = 0;
  for (;;) {
    try {
      return await probe();
    } catch (error) {
      const { message, code } = error as Error & { code?: string };
      const reason = message || code;
      if (Date.now() >= deadline || isFinal(error))
        throw new DependencyError(`${what} can't be used: ${reason}`);
      if (Date.now() >= tellAt) {
        logger.warn({ reason }, `waiting for ${what}`);
        tellAt = Date.now() + TELL_EVERY_MS;
      }
      await delay(RETRY_MS);
    }
  }
}

/** A wrong password or database does not get better by waiting. */
function isFinal(error: unknown): boolean {
  const code = (error as { code?: string }).code ?? "";
  return (
    ["28P01", "28000", "3D000"].includes(code) ||
    /WRONGPASS|NOAUTH|invalid username-password/.test(String(error))
  );
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : "the given address";
}
