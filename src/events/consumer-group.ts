import type { Redis } from "ioredis";
import { answered } from "./redis.ts";
import { runScript } from "./redis-script.ts";

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

const CREATE = {
  name: "groupCreate",
  lua: `
    local made = redis.pcall("XGROUP", "CREATE", KEYS[1], ARGV[1], "0", "MKSTREAM")
    if made.err then
      if string.find(made.err, "BUSYGROUP", 1, true) then return 0 end -- somebody was first: fine
      return made
    end
    local info = redis.call("XINFO", "STREAM", KEYS[1])
    local found = {}
    for at = 1, #info, 2 do found[info[at]] = info[at + 1] end
    redis.call("XGROUP", "SETID", KEYS[1], ARGV[1], "0", "ENTRIESREAD", found["entries-added"] - found["length"])
    return 1`,
};

/**
 * From the stream's first entry: what was added before the group was made is for it too. What was gone before counts as
 * read: it is no loss of this group's.
 */
export async function createGroup(redis: Redis, { stream, group }: GroupReader): Promise<void> {
  await runScript(redis, CREATE, [stream], [group]);
}

/** From ">": what nobody has got yet, waiting for it if there is none. From an id: this consumer's own, after it. */
export async function readEntries(
  redis: Redis,
  { stream, group, name }: GroupReader,
  from: string,
  blockMs = 1,
): Promise<RawEntry[]> {
  const read = redis.xreadgroup(
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
  );
  const answer = (await answered(read)) as [stream: string, entries: RawEntry[]][] | null;
  return answer?.[0]?.[1] ?? [];
}

/** Whether a read of new entries got as many as it may: there are more, probably. */
export function isFull(entries: readonly RawEntry[]): boolean {
  return entries.length === BATCH;
}

interface Claimed {
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
  const answer = await answered(redis.xautoclaim(stream, group, name, idleMs, cursor, "COUNT", BATCH));
  const [next, entries, deleted] = answer as [string, RawEntry[], string[] | undefined];
  return { cursor: next, entries, gone: deleted ?? [] };
}

export async function acknowledge(
  redis: Redis,
  { stream, group }: GroupReader,
  ids: readonly string[],
): Promise<void> {
  if (ids.length > 0) await answered(redis.xack(stream, group, ...ids));
}

export function toEntry([id, fields]: RawEntry): StreamEntry[] {
  if (fields === null) return [];
  const pairs = fields.flatMap((name, at) => (at % 2 === 0 ? [[name, fields[at + 1] as string]] : []));
  return [{ id, fields: Object.fromEntries(pairs) as Record<string, string> }];
}
