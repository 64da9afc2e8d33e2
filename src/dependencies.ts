import { setTimeout as delay } from "node:timers/promises";
import { Redis } from "ioredis";
import pg from "pg";
import type { Logger } from "./logger.ts";

const RETRY_MS = 500;
const TELL_EVERY_MS = 5_000;
const CONNECT_MS = 2_000;

/** A dependency that is not there, or too old: one line for the operator. */
export class DependencyError extends Error {}

/** How something is waited for that may still be coming up. */
export interface Waiting {
  logger: Logger;
  /** Infinity for as long as it takes. */
  patienceMs: number;
  /** Aborted when nobody wants it any more; the wait rejects with its reason. */
  unwanted: AbortSignal;
}

/** Waits until PostgreSQL 15 or newer answers. */
export async function awaitPostgres(url: string, waiting: Waiting): Promise<void> {
  const version = await awaitAnswer(`PostgreSQL at ${hostOf(url)}`, waiting, () => askPostgres(url));
  if (version < 150_000)
    throw new DependencyError(
      `PostgreSQL at ${hostOf(url)} is version ${Math.floor(version / 10_000)}: 15 or newer is needed`,
    );
}

/** Waits until Redis (or Valkey) 7.0 or newer answers. */
export async function awaitRedis(url: string, waiting: Waiting): Promise<void> {
  const version = await awaitAnswer(`Redis at ${hostOf(url)}`, waiting, () => askRedis(url));
  if ((version[0] ?? 0) < 7)
    throw new DependencyError(
      `Redis at ${hostOf(url)} is version ${version.join(".")}: 7.0 or newer is needed`,
    );
}

/** Tries until it succeeds, and says what it waits for. The error is thrown when it is final, or patience is over. */
export async function patiently<T>(
  what: string,
  { logger, patienceMs, unwanted }: Waiting,
  attempt: () => Promise<T>,
  isFinal: (error: unknown) => boolean,
): Promise<T> {
  const started = performance.now();
  let tellAt = 0;
  for (;;) {
    unwanted.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      const waitedMs = performance.now() - started;
      if (isFinal(error) || waitedMs >= patienceMs) throw error;
      if (waitedMs >= tellAt) {
        logger.warn(
          { reason: reasonOf(error), waited_seconds: Math.round(waitedMs / 1000) },
          `waiting for ${what}`,
        );
        tellAt = waitedMs + TELL_EVERY_MS;
      }
      await delay(RETRY_MS, undefined, { signal: unwanted }).catch(() => {});
    }
  }
}

async function awaitAnswer<T>(what: string, waiting: Waiting, ask: () => Promise<T>): Promise<T> {
  try {
    return await patiently(what, waiting, ask, isFinal);
  } catch (error) {
    if (waiting.unwanted.aborted) throw error;
    throw new DependencyError(`${what} can't be used: ${reasonOf(error)}`);
  }
}

async function askPostgres(url: string): Promise<number> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: CONNECT_MS,
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
}

async function askRedis(url: string): Promise<number[]> {
  const redis = new Redis(url, {
    lazyConnect: true,
    retryStrategy: () => null,
    connectTimeout: CONNECT_MS,
    commandTimeout: CONNECT_MS,
    maxRetriesPerRequest: 0,
  });
  let problem: unknown; // says more than the call that fails because of it
  redis.on("error", (error: unknown) => (problem = error));
  try {
    await redis.connect();
    const [, ...version] = /redis_version:(\d+)\.(\d+)/.exec(await redis.info("server")) ?? [];
    return version.map(Number);
  } catch (error) {
    throw problem ?? error;
  } finally {
    redis.disconnect();
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

function reasonOf(error: unknown): string | undefined {
  const { message, code } = error as Error & { code?: string };
  return message || code;
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : "the given address";
}
