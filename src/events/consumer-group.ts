import type { Redis } from "ioredis";

const BATCH = 100;

/** An entry as Redis gives it; without fields when it was deleted from the stream before it was acknowledged. */
export type RawEntry = [id: string, fields: string[] | null];

export interface StreamEntry {
  id: string;
  fields: Record<string, string>;
}

export interface GroupReader {
  stream: string;
  group: string;
  /** The consumer's name in the group. */
  name: string;
}

/** From the stream's first entry: what was added before the group was made is for it too. */
export async function createGroup(redis: Redis, { stream, group }: GroupReader): Promise<void> {
  try {
    await redis.xgroup("CREATE", stream, group, "0", "MKSTREAM");
  } catch (error) {
    if (!String(error).includes("BUSYGROUP")) throw error; // somebody was first: fine
  }
}

/** From ">": what nobody has got yet, waiting for it if there is none. From an id: this consumer's own, after it. */
export async function readEntries(
  redis: Redis,
  { stream, group, name }: GroupReader,
  from: string,
  blockMs = 1,
): Promise<RawEntry[]> {
  const answer = (await redis.xreadgroup(
    "GROUP",
    group,
    name,
    "COUNT",
    BATCH,
    "BLOCK",
    blockMs,
    "STREAMS",
    stream,
    from,
  )) as [stream: string, entries: RawEntry[]][] | null;
  return answer?.[0]?.[1] ?? [];
}

export interface Claimed {
  cursor: string;
  entries: RawEntry[];
  /** Those that were deleted from the stream; Redis forgets them itself. */
  gone: string[];
}

/** Takes over what others have had for too long. */
export async function claimAbandoned(
  redis: Redis,
  { stream, group, name }: GroupReader,
  cursor: string,
  idleMs: number,
): Promise<Claimed> {
  const answer = await redis.xautoclaim(stream, group, name, idleMs, cursor, "COUNT", BATCH);
  const [next, entries, deleted] = answer as [string, RawEntry[], string[] | undefined];
  return { cursor: next, entries, gone: deleted ?? [] };
}
