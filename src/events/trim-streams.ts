import { type Lead, LeadLostError, RELAY_KEY } from "./lead.ts";
import { answered } from "./redis.ts";
import { runScript } from "./redis-script.ts";
import { asRecord, isEarlier, OWN_STREAMS } from "./streams.ts";

/** As long as published rows stay in the outbox, from which they could be published again. */
const KEEP_MS = 7 * 24 * 60 * 60_000;

export interface Trimmed {
  stream: string;
  /** Groups that have not finished what is older than a week, and so keep it there. */
  holders: string[];
  /** Entries that had to go although they are younger than that, or not finished, because the stream was full. */
  dropped: number;
  /** Groups that had not finished all of these. */
  losers: string[];
}

/**
 * Drops entries of our streams that are older than a week, but none that a consumer group has not finished: a
 * subscriber that was away for a month loses nothing, and plain readers have the week. Up to a limit: a stream that
 * fills the memory would stop every stream, that of the orders among them, for the sake of one dead subscriber. What
 * goes for that reason stays in the outbox for the week, from which it can be published again.
 */
export async function trimStreams(lead: Lead, maxLength: number, keepMs = KEEP_MS): Promise<Trimmed[]> {
  const trimmed: Trimmed[] = [];
  for (const stream of OWN_STREAMS) trimmed.push(await trimStream(lead, stream, maxLength, keepMs));
  return trimmed;
}

async function trimStream(lead: Lead, stream: string, maxLength: number, keepMs: number): Promise<Trimmed> {
  const groups = await readGroups(lead, stream);
  const [now] = await answered(lead.redis.time()); // entries are numbered by Redis' clock
  const tooOld = `${Math.max(0, Number(now) * 1000 - keepMs)}-0`;
  const oldest = groups.reduce((first, { needs }) => (isEarlier(needs, first) ? needs : first), tooOld);
  const [verdict, dropped, firstId] = (await runScript(
    lead.redis,
    TRIM,
    [RELAY_KEY, stream],
    [lead.epoch, oldest, maxLength],
  )) as [string, number, string];
  if (verdict === "stale") throw new LeadLostError("Redis");
  const behind = (id: string) => groups.filter(({ needs }) => isEarlier(needs, id)).map(({ name }) => name);
  return { stream, holders: behind(tooOld), dropped, losers: dropped > 0 ? behind(firstId) : [] };
}

interface GroupNeeds {
  name: string;
  /** The first entry that it has not finished. */
  needs: string;
}

/** Those that have not finished everything. */
async function readGroups({ redis }: Lead, stream: string): Promise<GroupNeeds[]> {
  if ((await answered(redis.type(stream))) !== "stream") return [];
  const groups = ((await answered(redis.xinfo("GROUPS", stream))) as unknown[][]).map(asRecord);
  const needs = await Promise.all(
    groups.map(async (group) => {
      const name = String(group["name"]);
      const [pending, first] = (await answered(redis.xpending(stream, name))) as [number, string | null];
      if (pending > 0 && first) return { name, needs: first };
      const [next] = await answered(
        redis.xrange(stream, `(${String(group["last-delivered-id"])}`, "+", "COUNT", 1),
      );
      return next ? { name, needs: next[0] } : undefined;
    }),
  );
  return needs.filter((one) => one !== undefined);
}

/** In the same step as the trimming the books learn of it, so that nobody takes it for a loss. */
const TRIM = {
  name: "relayTrim",
  lua: `
    local epoch = redis.call("HGET", KEYS[1], "epoch")
    if tonumber(epoch or "0") > tonumber(ARGV[1]) then return {"stale"} end
    if redis.call("TYPE", KEYS[2]).ok ~= "stream" then return {"ok", 0, ""} end
    local finished = redis.call("XTRIM", KEYS[2], "MINID", "~", ARGV[2], "LIMIT", 0)
    local dropped = 0
    if redis.call("XLEN", KEYS[2]) > tonumber(ARGV[3]) then
      dropped = redis.call("XTRIM", KEYS[2], "MAXLEN", "~", ARGV[3], "LIMIT", 0)
    end
    local first = redis.call("XRANGE", KEYS[2], "-", "+", "COUNT", 1)[1]
    if finished + dropped > 0 then
      redis.call("HINCRBY", KEYS[1], "gone:" .. KEYS[2], finished + dropped)
      redis.call("HSET", KEYS[1], "floor:" .. KEYS[2], first and first[1] or ARGV[2])
    end
    return {"ok", dropped, first and first[1] or ""}`,
};
