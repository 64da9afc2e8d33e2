import type { ChainableCommander, Redis } from "ioredis";
import { sql } from "kysely";
import type { Database } from "../db/database.ts";
import { ORDER_STREAM } from "../domain/events.ts";
import type { GroupLag, Lag, OutboxLag } from "../domain/lag.ts";
import { asRecord, OWN_STREAMS } from "./streams.ts";

/** Of the pending entries, so many are looked at for the one that has waited longest. */
const LOOKED_AT = 100;

/** Asks both sides how far the consumer groups and the relay are behind. Throws when one of them can't be reached. */
export async function readStreamLag(redis: Redis, db: Database): Promise<Lag> {
  const [streams, outbox] = await Promise.all([readGroups(redis), readOutbox(db)]);
  return { streams, outbox };
}

async function readGroups(redis: Redis): Promise<GroupLag[]> {
  const streams = [ORDER_STREAM, ...OWN_STREAMS];
  const asked = redis.pipeline();
  for (const stream of streams) asked.xlen(stream).xinfo("GROUPS", stream);
  const answers = await answersOf(asked);
  const groups = streams.flatMap((stream, at) => {
    const length = Number(answers[at * 2] ?? 0);
    const found = (answers[at * 2 + 1] as unknown[][] | undefined) ?? [];
    return found.map((group) => toGroupLag(stream, length, asRecord(group)));
  });
  return withAges(redis, groups);
}

function toGroupLag(stream: string, length: number, group: Record<string, unknown>): GroupLag {
  const { name, lag, pending, consumers } = group;
  return {
    stream,
    group: String(name),
    length,
    lag: typeof lag === "number" ? lag : null,
    oldest_waiting_ms: null,
    pending: Number(pending),
    oldest_pending_idle_ms: null,
    consumers: Number(consumers),
    last_delivered_id: String(group["last-delivered-id"]),
  };
}

async function withAges(redis: Redis, groups: readonly GroupLag[]): Promise<GroupLag[]> {
  const asked = redis.pipeline().time();
  for (const { stream, group, last_delivered_id } of groups)
    asked
      .xpending(stream, group, "-", "+", LOOKED_AT)
      .xrange(stream, `(${last_delivered_id}`, "+", "COUNT", 1);
  const [time, ...answers] = await answersOf(asked);
  const now = Number((time as string[])[0]) * 1000;
  return groups.map((group, at) => {
    const pending = (answers[at * 2] ?? []) as [id: string, name: string, idle: number][];
    const [next] = (answers[at * 2 + 1] ?? []) as [id: string][];
    return {
      ...group,
      oldest_waiting_ms: next ? Math.max(0, now - Number(next[0].split("-")[0])) : null,
      oldest_pending_idle_ms: pending.length > 0 ? Math.max(...pending.map(([, , idle]) => idle)) : null,
    };
  });
}

/** Undefined for a stream or a group that is not there; any other failure is thrown. */
async function answersOf(asked: ChainableCommander): Promise<unknown[]> {
  const answers = (await asked.exec()) ?? [];
  return answers.map(([error, answer]) => {
    if (error && !/no such key|NOGROUP/.test(error.message)) throw error;
    return error ? undefined : answer;
  });
}

async function readOutbox(db: Database): Promise<OutboxLag> {
  const { rows } = await sql<{ unpublished: bigint; oldest_age_ms: number | null }>`
    select count(*) as unpublished,
      (extract(epoch from clock_timestamp() - min(created_at)) * 1000)::float8 as oldest_age_ms
    from outbox where published_at is null`.execute(db);
  const { unpublished = 0n, oldest_age_ms = null } = rows[0] ?? {};
  return { unpublished: Number(unpublished), oldest_age_ms };
}
