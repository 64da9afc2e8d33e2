import type { Redis } from "ioredis";
import type pg from "pg";
import { LOCKS } from "../db/advisory-locks.ts";
import { answered } from "./redis.ts";
import { runScript } from "./redis-script.ts";

/** What the relay keeps in Redis: the leader's epoch, the last batch, and what each stream should hold. */
export const RELAY_KEY = "wms:relay";

/** The right to publish, for as long as nobody has taken a later one. */
export interface Lead {
  client: pg.Client;
  redis: Redis;
  epoch: string;
  /** The last batch that Redis got. */
  batch: bigint;
}

/** Another has taken the lead. Whoever learns it has to begin again. */
export class LeadLostError extends Error {
  constructor(where: string) {
    super(`another relay leads by now, says ${where}`);
    this.name = "LeadLostError";
  }
}

export async function tryLock(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>("select pg_try_advisory_lock($1) as locked", [
    LOCKS.relayLeader,
  ]);
  return rows[0]?.locked === true;
}

/**
 * Takes the next epoch, which ends the earlier ones in both places: from here on, whoever led before can neither add to
 * a stream nor mark a row, however long he was frozen between the one and the other.
 */
export async function takeLead(client: pg.Client, redis: Redis): Promise<Lead> {
  const seen = (await answered(redis.hget(RELAY_KEY, "epoch"))) ?? "0";
  // Above what Redis has seen, too: a database that was restored from a backup has forgotten some.
  const { rows } = await client.query<{ epoch: string; batch: string }>(
    "update relay_leader set epoch = greatest(epoch, $1::bigint) + 1 returning epoch, batch",
    [seen],
  );
  const [state] = rows;
  if (!state) throw new Error("relay_leader has no row");
  return { client, redis, epoch: state.epoch, batch: BigInt(state.batch) };
}

const CLAIM = {
  name: "relayClaim",
  lua: `
    local epoch, batch = unpack(redis.call("HMGET", KEYS[1], "epoch", "batch"))
    if tonumber(epoch or "0") > tonumber(ARGV[1]) then return {"stale", epoch} end
    if epoch ~= ARGV[1] then redis.call("HSET", KEYS[1], "epoch", ARGV[1]) end
    return {"ok", batch or ""}`,
};

/** Shows Redis the epoch, and asks for the last batch that it has; undefined: it knows of none. */
export async function claimRedis({ redis, epoch }: Lead): Promise<bigint | undefined> {
  const [verdict, batch] = (await runScript(redis, CLAIM, [RELAY_KEY], [epoch])) as [string, string];
  if (verdict === "stale") throw new LeadLostError("Redis");
  return batch === "" ? undefined : BigInt(batch);
}

/**
 * Waits until everything that this session has committed is on the disk: its commits don't wait for that by themselves.
 * Fails when the lead is lost.
 */
export async function settleOnDisk({ client, epoch, batch }: Lead): Promise<void> {
  await client.query("begin; set local synchronous_commit = on");
  const { rowCount } = await client.query("update relay_leader set batch = $1 where epoch = $2", [
    String(batch),
    epoch,
  ]);
  await client.query("commit");
  if (rowCount === 0) throw new LeadLostError("PostgreSQL");
}
