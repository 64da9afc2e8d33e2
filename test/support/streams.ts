import { Redis } from "ioredis";
import type { EventLogger } from "../../src/events/logger.ts";

export const silent: EventLogger = { info() {}, warn() {}, error() {} };

export interface StoredEntry {
  id: string;
  fields: Record<string, string>;
}

/** Everything on a stream, oldest first. */
export async function readStream(redis: Redis, stream: string): Promise<StoredEntry[]> {
  const entries = await redis.xrange(stream, "-", "+");
  return entries.map(([id, flat]) => {
    const pairs = flat.flatMap((name, at) => (at % 2 === 0 ? [[name, flat[at + 1]]] : []));
    return { id, fields: Object.fromEntries(pairs) as Record<string, string> };
  });
}

export function openRedis(url: string): Redis {
  const redis = new Redis(url, { maxRetriesPerRequest: 1 });
  redis.on("error", () => {});
  return redis;
}
