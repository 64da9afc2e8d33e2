import { sql } from "kysely";
import type { Database } from "./database.ts";
import { inTransaction, type Transaction } from "./transaction.ts";

export interface PolledParcel {
  shipment_id: bigint;
  tracking_number: string;
  shipped_at: Date | null;
}

/** How a carrier is asked about its parcels. */
export interface PollPlan {
  carrier_code: string;
  /** Milliseconds between two questions about a parcel that is about to arrive; about others they are longer. */
  every_ms: number;
  /** The carrier's own lower bound. */
  min_ms?: number;
  /** So many shipments at a time. */
  limit: number;
  /** So many numbers fit into one call. */
  batch?: number;
  /** The carrier's limit on calls, of which polling takes half. */
  rateLimit?: { calls: number; seconds: number } | null;
}

/**
 * Takes the carrier's shipments that are due, the longest overdue first, each for one caller; returns the numbers of their
 * boxes. Nothing while the carrier is left alone, or has been called as often as it may be.
 */
export function claimDueParcels(db: Database, plan: PollPlan): Promise<PolledParcel[]> {
  const { carrier_code, batch = plan.limit, rateLimit = null } = plan;
  return inTransaction(db, async (trx) => {
    const calls = await lockShare(trx, carrier_code, rateLimit);
    if (calls === 0) return [];
    const parcels = await claim(trx, { ...plan, limit: Math.min(plan.limit, calls * batch) });
    if (parcels.length > 0 && rateLimit) await count(trx, carrier_code, Math.ceil(parcels.length / batch));
    return parcels;
  });
}

/** How often the carrier may be called now. Whoever asks about its parcels at the same time waits for his turn. */
async function lockShare(
  trx: Transaction,
  carrier_code: string,
  limit: PollPlan["rateLimit"],
): Promise<number> {
  const isOver = sql`polling.window_began_at <= now() - ${limit?.seconds ?? 0} * interval '1 second'`;
  const { rows } = await sql<{ window_calls: number; is_paused: boolean }>`
    insert into carrier_polling as polling (carrier_code) values (${carrier_code})
    on conflict (carrier_code) do update set
      window_calls = case when ${isOver} then 0 else polling.window_calls end,
      window_began_at = case when ${isOver} then now() else polling.window_began_at end
    returning window_calls, paused_until > now() as is_paused`.execute(trx);
  const { window_calls, is_paused } = rows[0] as { window_calls: number; is_paused: boolean };
  if (is_paused) return 0;
  return limit
    ? Math.max(0, Math.max(1, Math.floor(limit.calls / 2)) - window_calls)
    : Number.MAX_SAFE_INTEGER;
}

async function count(trx: Transaction, carrier_code: string, calls: number): Promise<void> {
  await sql`
    update carrier_polling set window_calls = window_calls + ${calls} where carrier_code = ${carrier_code}`.execute(
    trx,
  );
}

/** Polling ends so many days after a parcel was handed over, or its label was bought. */
const GIVEN_UP_DAYS = 60;

async function claim(
  trx: Transaction,
  { carrier_code, every_ms, min_ms = 0, limit }: PollPlan,
): Promise<PolledParcel[]> {
  const longest = (every: number, least: number) => Math.max(every_ms * every, min_ms * least);
  const { rows } = await sql<PolledParcel>`/* hot: claim_due_parcels */
    with due as (
      select id from shipments
      where carrier_code = ${carrier_code} and tracking_number is not null and next_poll_at <= now()
        and status in ('ready', 'shipped', 'in_transit', 'out_for_delivery', 'available_for_pickup', 'exception')
      order by next_poll_at limit ${limit} for update skip locked
    ), claimed as (
      update shipments s set last_polled_at = now(), next_poll_at = now() + interval '1 millisecond' * case
          when coalesce(s.shipped_at, s.created_at) < now() - interval '${sql.raw(String(GIVEN_UP_DAYS))} days' then null
          when coalesce(s.shipped_at, s.created_at) < now() - interval '21 days' then ${longest(360, 12)}::float8
          when coalesce(s.shipped_at, s.created_at) < now() - interval '7 days' then ${longest(60, 4)}::float8
          when s.status = 'out_for_delivery' then ${longest(1, 1)}::float8
          else ${longest(4, 1)}::float8 end
      from due where s.id = due.id
      returning s.id, s.tracking_number, s.shipped_at
    )
    select claimed.id as shipment_id, number.tracking_number, claimed.shipped_at
    from claimed cross join lateral (
      select claimed.tracking_number
      union
      select p.tracking_number from packages p where p.shipment_id = claimed.id and p.tracking_number is not null
    ) number
    order by claimed.id`.execute(trx);
  return rows;
}

/** What has just been learnt may bring a parcel near: it is asked about sooner than it was planned. */
export async function hastenPolls(
  db: Database,
  shipment_ids: readonly bigint[],
  { every_ms, min_ms = 0 }: PollPlan,
): Promise<void> {
  await sql`
    update shipments set next_poll_at = now() + ${Math.max(every_ms, min_ms)} * interval '1 millisecond'
    where id = any(${shipment_ids}::bigint[]) and status = 'out_for_delivery'
      and next_poll_at > now() + ${Math.max(every_ms, min_ms)} * interval '1 millisecond'`.execute(db);
}

/** Pauses after failures grow from one minute to fifteen. */
const FIRST_PAUSE_SECONDS = 60;
const LONGEST_PAUSE_SECONDS = 900;
/** However long a carrier asks us to wait. */
const LONGEST_WISH_SECONDS = 6 * 3600;

/** What was claimed of a carrier and not asked. */
interface Unasked {
  carrier_code: string;
  shipment_ids: readonly bigint[];
  /** Were counted, and not made. */
  calls: number;
}

/** Leaves a carrier alone for a while, and these parcels, about which it did not answer, until then. */
export async function pausePolls(
  db: Database,
  { carrier_code, shipment_ids, calls }: Unasked,
  wished_seconds: number | null,
): Promise<void> {
  const wish = Math.min(LONGEST_WISH_SECONDS, wished_seconds ?? 0);
  await sql`
    with paused as (
      update carrier_polling set failures = failures + 1, window_calls = greatest(0, window_calls - ${calls}),
        paused_until = now() + interval '1 second' * greatest(${wish}::float8,
        least(${LONGEST_PAUSE_SECONDS}::float8, ${FIRST_PAUSE_SECONDS}::float8 * 2.0 ^ least(failures, 10)))
      where carrier_code = ${carrier_code} returning paused_until
    )
    update shipments s set next_poll_at = paused_until from paused where s.id = any(${shipment_ids}::bigint[])`.execute(
    db,
  );
}

/** The carrier has answered: its next failure is a first one. */
export async function forgetFailures(db: Database, carrier_code: string): Promise<void> {
  await sql`
    update carrier_polling set failures = 0 where carrier_code = ${carrier_code} and failures > 0`.execute(
    db,
  );
}
