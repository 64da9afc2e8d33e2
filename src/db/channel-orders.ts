import { sql } from "kysely";
import { column } from "./column.ts";
import type { Database } from "./database.ts";

/** A line of a marketplace's order, as it was taken. */
export interface TakenLine {
  line_id: string;
  listing_id: string;
  quantity: number;
}

/** A marketplace's order here: its id among our orders, and how far it has got. */
export interface ChannelOrderRow {
  channel_order_id: string;
  order_id: bigint;
  lines: TakenLine[];
  taken_at: Date | null;
  ended_at: Date | null;
}

/** Notes orders that were seen there, and gives each its id among ours, the same every time. */
export async function noteChannelOrders(
  db: Database,
  channel: string,
  seen: readonly { channel_order_id: string; state: string }[],
): Promise<ChannelOrderRow[]> {
  if (seen.length === 0) return [];
  const { rows } = await sql<ChannelOrderRow>`
    insert into channel_orders as o (channel, channel_order_id, state)
    select ${channel}, id, (array_agg(state order by ordinal desc))[1]
    from unnest(${column(seen, "channel_order_id")}::text[], ${column(seen, "state")}::text[])
      with ordinality as seen (id, state, ordinal)
    group by id order by id
    on conflict (channel, channel_order_id) do update set state = excluded.state, updated_at = now()
    returning channel_order_id, order_id, lines, taken_at, ended_at`.execute(db);
  return rows;
}

/** Seen, and neither taken nor at an end: they are looked at again, those first that were not for the longest. */
export async function listOpenChannelOrders(db: Database, channel: string, limit: number): Promise<string[]> {
  const { rows } = await sql<{ channel_order_id: string }>`
    select channel_order_id from channel_orders
    where channel = ${channel} and taken_at is null and ended_at is null order by updated_at limit ${limit}`.execute(
    db,
  );
  return rows.map((row) => row.channel_order_id);
}

export async function markChannelOrdersTaken(
  db: Database,
  channel: string,
  taken: readonly { channel_order_id: string; lines: readonly TakenLine[] }[],
): Promise<void> {
  if (taken.length === 0) return;
  await sql`
    update channel_orders o set taken_at = coalesce(o.taken_at, now()), lines = taken.lines, updated_at = now()
    from unnest(${column(taken, "channel_order_id")}::text[], ${taken.map(({ lines }) => JSON.stringify(lines))}::jsonb[])
      as taken (id, lines)
    where o.channel = ${channel} and o.channel_order_id = taken.id`.execute(db);
}

export async function markChannelOrdersEnded(
  db: Database,
  channel: string,
  ids: readonly string[],
): Promise<void> {
  if (ids.length === 0) return;
  await sql`
    update channel_orders set ended_at = now(), updated_at = now()
    where channel = ${channel} and channel_order_id = any(${ids}::text[]) and ended_at is null`.execute(db);
}

/** Why these could not be taken yet; null: there is nothing in the way. Returns those of which that is news. */
export async function noteOrderProblems(
  db: Database,
  channel: string,
  rows: readonly { channel_order_id: string; problem: string | null }[],
): Promise<string[]> {
  if (rows.length === 0) return [];
  const { rows: changed } = await sql<{ id: string; healed: boolean }>`
    update channel_orders o set problem = seen.problem
    from unnest(${column(rows, "channel_order_id")}::text[], ${column(rows, "problem")}::text[]) as seen (id, problem)
    where o.channel = ${channel} and o.channel_order_id = seen.id and o.problem is distinct from seen.problem
    returning seen.id, seen.problem is null as healed`.execute(db);
  return changed.filter((row) => row.healed).map((row) => row.id);
}

/** Listings by SKU. A SKU that several listings have names none of them. */
export async function findListingsBySku(db: Database, skus: readonly string[]): Promise<Map<string, bigint>> {
  const { rows } = await sql<{ sku: string; listing_id: bigint }>`
    select sku, min(listing_id) as listing_id from listings where sku = any(${skus}::text[])
    group by sku having count(*) = 1`.execute(db);
  return new Map(rows.map((row) => [row.sku, row.listing_id]));
}

/**
 * Begins a look at a channel's orders, unless one was begun so short a time ago, by whichever process. Undefined: not
 * yet; else how far its orders were read, null: not at all.
 */
export async function claimPoll(
  db: Database,
  channel: string,
  every_seconds: number,
): Promise<{ seen_until: Date | null } | undefined> {
  const { rows } = await sql<{ seen_until: Date | null }>`
    insert into channel_polls as p (channel, begun_at) values (${channel}, now())
    on conflict (channel) do update set begun_at = now()
    where p.begun_at <= now() - ${every_seconds} * interval '1 second'
    returning seen_until`.execute(db);
  return rows[0];
}

/** Everything up to this moment of the channel's own clock has been dealt with, or is noted as open. */
export async function finishPoll(db: Database, channel: string, seen_until: Date | null): Promise<void> {
  await sql`
    update channel_polls set finished_at = now(), seen_until = greatest(seen_until, ${seen_until}::timestamptz)
    where channel = ${channel}`.execute(db);
}
