import { Redis } from "ioredis";

/** Commands fail fast when the server is gone: what they carry stays in the outbox. */
export function producerConnection(url: string): Redis {
  const redis = new Redis(url, {
    maxRetriesPerRequest: 1,
    enableOfflineQueue: false,
    connectTimeout: 2_000,
    commandTimeout: 5_000,
    keepAlive: 5_000,
    retryStrategy: (attempt) => Math.min(attempt * 100, 1_000),
    lazyConnect: true,
  });
  redis.on("error", () => {}); // the command that failed says it
  return redis;
}

/** How long one blocking read lasts, in ms. */
export const BLOCK_MS = 2_000;

/**
 * For blocking reads. A socket that brings nothing for longer than a read lasts is dead, whatever TCP thinks, and is
 * replaced; commands then wait for the new one.
 */
export function blockingConnection(url: string): Redis {
  const redis = new Redis(url, {
    maxRetriesPerRequest: null,
    connectTimeout: 2_000,
    socketTimeout: BLOCK_MS + 2_000,
    keepAlive: 5_000,
    retryStrategy: (attempt) => Math.min(attempt * 100, 1_000),
    lazyConnect: true,
  });
  redis.on("error", () => {});
  return redis;
}
