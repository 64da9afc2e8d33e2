import { Redis } from "ioredis";
import { within } from "../telemetry/within.ts";

/** How long one blocking read lasts, in ms. */
export const BLOCK_MS = 2_000;
const CONNECT_MS = 3_000;
/** A socket that owes an answer for longer than this is dead, whatever TCP thinks of it. */
const SILENCE_MS = BLOCK_MS + 1_500;
/** What has no answer by now gets none, whatever the socket and the client think of it. */
const PATIENCE_MS = SILENCE_MS + 1_500;

/**
 * A connection for one session: it never reconnects by itself. When it is lost, whatever waited for an answer fails at
 * once, nothing is sent a second time behind our back, and the caller begins again with a new connection.
 */
export async function connectRedis(url: string, name: string): Promise<Redis> {
  const redis = new Redis(url, {
    connectionName: name,
    lazyConnect: true,
    connectTimeout: CONNECT_MS,
    socketTimeout: SILENCE_MS,
    keepAlive: 5_000,
    retryStrategy: () => null,
  });
  redis.on("error", () => {}); // the command that meets it says it
  try {
    await answered(redis.connect());
    return redis;
  } catch (error) {
    redis.disconnect();
    throw error;
  }
}

/**
 * The watchdog over every call: a read that never ends on a socket that seems alive fails here, outside of the client
 * that waits for it. Whoever asked gives the client up and makes a new one.
 */
export function answered<T>(call: Promise<T>): Promise<T> {
  return within(PATIENCE_MS, () => call);
}
