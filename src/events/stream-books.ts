import { type Lead, LeadLostError, RELAY_KEY } from "./lead.ts";
import { runScript } from "./redis-script.ts";
import { OWN_STREAMS } from "./streams.ts";

/** What a stream holds, beside what the relay's books say that it should. */
export interface StreamState {
  stream: string;
  length: number;
  /** Empty when the stream is. */
  firstId: string;
  /** Entries that were ever added, and those of them that are gone again. */
  added: number;
  gone: number;
  /** The same by the books: added by the relay, at least, and trimmed by it, exactly. */
  bookedAdded: number;
  bookedGone: number;
  /** The relay has itself trimmed what is below; empty: nothing. */
  floor: string;
}

const READ = {
  name: "relayReadBooks",
  lua: `
    local states = {}
    for nth = 2, #KEYS do
      local stream = KEYS[nth]
      local booked = redis.call("HMGET", KEYS[1], "added:" .. stream, "gone:" .. stream, "floor:" .. stream)
      local info = redis.pcall("XINFO", "STREAM", stream)
      local found = {["length"] = 0, ["entries-added"] = 0}
      if not info.err then
        for at = 1, #info, 2 do found[info[at]] = info[at + 1] end
      end
      local first = found["first-entry"]
      states[nth - 1] = {found["length"], first and first[1] or "", found["entries-added"],
        tonumber(booked[1] or "0"), tonumber(booked[2] or "0"), booked[3] or ""}
    end
    return states`,
};

export async function readBooks({ redis }: Lead): Promise<StreamState[]> {
  const answer = (await runScript(redis, READ, [RELAY_KEY, ...OWN_STREAMS], [])) as [
    length: number,
    firstId: string,
    added: number,
    bookedAdded: number,
    bookedGone: number,
    floor: string,
  ][];
  return answer.map(([length, firstId, added, bookedAdded, bookedGone, floor], nth) => ({
    stream: OWN_STREAMS[nth] as string,
    length,
    firstId,
    added,
    gone: added - length,
    bookedAdded,
    bookedGone,
    floor,
  }));
}

/** Whether entries went that the relay did not trim: deleted, trimmed by somebody else, or gone with their stream. */
export function lacksEntries({ added, gone, bookedAdded, bookedGone }: StreamState): boolean {
  return added < bookedAdded || gone !== bookedGone;
}

const BALANCE = {
  name: "relayBalanceBooks",
  lua: `
    local epoch = redis.call("HGET", KEYS[1], "epoch")
    if tonumber(epoch or "0") > tonumber(ARGV[1]) then return "stale" end
    for at = 2, #ARGV, 3 do
      redis.call("HINCRBY", KEYS[1], "added:" .. ARGV[at], ARGV[at + 1])
      redis.call("HINCRBY", KEYS[1], "gone:" .. ARGV[at], ARGV[at + 2])
    end
    return "ok"`,
};

/**
 * Writes off what was found missing when these states were read, once it is to be published again. By differences: what
 * was added and trimmed since then is in the books already.
 */
export async function balanceBooks(lead: Lead, states: readonly StreamState[]): Promise<void> {
  const differences = states.flatMap(({ stream, added, gone, bookedAdded, bookedGone }) => [
    stream,
    Math.min(0, added - bookedAdded),
    gone - bookedGone,
  ]);
  const verdict = await runScript(lead.redis, BALANCE, [RELAY_KEY], [lead.epoch, ...differences]);
  if (verdict === "stale") throw new LeadLostError("Redis");
}

const CONFIRM = {
  name: "relayConfirmTail",
  lua: `
    local epoch, batch = unpack(redis.call("HMGET", KEYS[1], "epoch", "batch"))
    if tonumber(epoch or "0") > tonumber(ARGV[1]) then return "stale" end
    if (batch or "") == ARGV[3] then redis.call("HSET", KEYS[1], "epoch", ARGV[1], "batch", ARGV[2]) end
    return "ok"`,
};

/**
 * Says that Redis has everything that is marked, up to the lead's last batch; unless it has lost still more while the rest
 * was looked for, and no longer has what it had then. That is found out like any loss, by the next comparison.
 */
export async function confirmTail(lead: Lead, kept: bigint | undefined): Promise<void> {
  const args = [lead.epoch, String(lead.batch), kept === undefined ? "" : String(kept)];
  if ((await runScript(lead.redis, CONFIRM, [RELAY_KEY], args)) === "stale") throw new LeadLostError("Redis");
}
