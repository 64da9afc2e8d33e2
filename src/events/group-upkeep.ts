import type { Redis } from "ioredis";
import type { GroupReader } from "./consumer-group.ts";
import { runScript } from "./redis-script.ts";

const FIND_GAP = {
  name: "groupFindGap",
  lua: `
    local function record(flat)
      local found = {}
      for at = 1, #flat, 2 do found[flat[at]] = flat[at + 1] end
      return found
    end
    local function isAfter(a, b)
      local aTime, aNumber = string.match(a, "(%d+)-(%d+)")
      local bTime, bNumber = string.match(b, "(%d+)-(%d+)")
      if aTime ~= bTime then return tonumber(aTime) > tonumber(bTime) end
      return tonumber(aNumber) > tonumber(bNumber)
    end
    local info, group = record(redis.call("XINFO", "STREAM", KEYS[1])), nil
    for _, flat in ipairs(redis.call("XINFO", "GROUPS", KEYS[1])) do
      if record(flat).name == ARGV[1] then group = record(flat) end
    end
    if not group then return {0, ""} end
    local last, read = group["last-delivered-id"], group["entries-read"]
    local deleted = info["max-deleted-entry-id"]
    local ahead = isAfter(deleted, last) and deleted or ""
    local first = info["first-entry"]
    if not read or (first and not isAfter(first[1], last)) then return {0, ahead} end
    local lost = info["entries-added"] - info["length"] - read
    if lost <= 0 then return {0, ahead} end
    redis.call("XGROUP", "SETID", KEYS[1], ARGV[1], last, "ENTRIESREAD", read + lost)
    return {lost, ahead}`,
};

/**
 * Counts the entries that left the stream before the group ever got them. The stream counts what was added, the group
 * what it read, and what lies between is no more than what is left: unless something is gone. It is then counted as
 * read, so that it is told once, and the group's lag says the truth again; the group's place in the stream stays.
 * `deletedAhead`: an entry beyond the group's place was deleted one by one, which is not counted; empty: none.
 */
export async function findGap(
  redis: Redis,
  { stream, group }: GroupReader,
): Promise<{ lost: number; deletedAhead: string }> {
  const answer = await runScript(redis, FIND_GAP, [stream], [group]);
  const [lost, deletedAhead] = answer as [number, string];
  return { lost, deletedAhead };
}

const FORGET = {
  name: "groupForget",
  lua: `
    local used = {}
    for at = 2, #ARGV do used[ARGV[at]] = true end
    local forgotten = 0
    for _, flat in ipairs(redis.call("XINFO", "CONSUMERS", KEYS[1], ARGV[1])) do
      local consumer = {}
      for at = 1, #flat, 2 do consumer[flat[at]] = flat[at + 1] end
      if consumer.pending == 0 and not used[consumer.name] and string.match(consumer.name, "^warehouse%-%d+$") then
        redis.call("XGROUP", "DELCONSUMER", KEYS[1], ARGV[1], consumer.name)
        forgotten = forgotten + 1
      end
    end
    return forgotten`,
};

/**
 * Removes names that no process has and under which nothing is pending: with a name its pending entries would go, so
 * both are looked at in one step.
 */
export async function forgetNames(
  redis: Redis,
  { stream, group }: GroupReader,
  used: readonly string[],
): Promise<void> {
  await runScript(redis, FORGET, [stream], [group, ...used]);
}
