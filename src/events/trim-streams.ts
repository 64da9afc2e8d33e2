import type { Redis } from "ioredis";
import { EVENTS } from "../domain/events.ts";

const STREAMS = [...new Set(Object.values(EVENTS).map((event) => event.stream))];

/** As long as published rows stay in the outbox, from which they could be published again. */
const KEEP_MS = 7 * 24 * 60 * 60_000;

/**
 * Drops entries of our streams that are older than a week, but none that a consumer group has not finished: a
 * subscriber that was away for a month loses nothing. Plain readers have the week.
 */
export async function trimStreams(redis: Redis, keepMs = KEEP_MS): Promise<void> {
  for (const stream of STREAMS) {
    if ((await redis.exists(stream)) === 0) continue;
    const needed = await oldestNeeded(redis, stream);
    const oldest = needed.reduce(earlier, `${Date.now() - keepMs}-0`);
    await redis.xtrim(stream, "MINID", "~", oldest);
  }
}

/** For each group, the first entry that it has not acknowledged. */
async function oldestNeeded(redis: Redis, stream: string): Promise<string[]> {
  const groups = ((await redis.xinfo("GROUPS", stream)) as string[][]).map(asRecord);
  return Promise.all(
    groups.map(async (group) => {
      const [pending, first] = (await redis.xpending(stream, group["name"] ?? "")) as [number, string | null];
      return pending > 0 && first ? first : (group["last-delivered-id"] ?? "0-0");
    }),
  );
}

function asRecord(flat: readonly string[]): Record<string, string> {
  return Object.fromEntries(flat.flatMap((name, at) => (at % 2 === 0 ? [[name, String(flat[at + 1])]] : [])));
}

function earlier(a: string, b: string): string {
  const [aTime = 0n, aNumber = 0n] = a.split("-").map(BigInt);
  const [bTime = 0n, bNumber = 0n] = b.split("-").map(BigInt);
  return aTime < bTime || (aTime === bTime && aNumber < bNumber) ? a : b;
}
