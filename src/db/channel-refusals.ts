import { sql } from "kysely";
import { askForReports } from "./channel-reports.ts";
import type { Database } from "./database.ts";
import { MAX_ATTEMPTS } from "./jobs.ts";
import type { Transaction } from "./transaction.ts";

/** What a channel was told of an order and refused for good. */
export interface RefusedReport {
  channel: string;
  order_id: bigint;
  /** The channel's own id of the order, or ours where it has none. */
  channel_order_id: string;
  /** null: the order's status was refused, not a parcel's tracking. */
  shipment_id: bigint | null;
  tracking_number: string;
  since: Date;
  /** In the channel's own words, as far as it gave some. */
  error: string;
}

/** Oldest first. */
export async function listRefusedReports(db: Database, limit: number): Promise<RefusedReport[]> {
  const { rows } = await sql<RefusedReport>`
    select r.channel, s.order_id, coalesce(c.channel_order_id, s.order_id::text) as channel_order_id,
      r.shipment_id, r.tracking_number, r.failed_at as since, coalesce(r.last_error, '') as error
    from channel_reports r join shipments s on s.id = r.shipment_id
    left join channel_orders c on c.channel = r.channel and c.order_id = s.order_id
    where s.channel_sync_status = 'failed' and r.failed_at is not null
    union all
    select 'listings', (labels->>'order_id')::bigint, labels->>'order_id', null, '', since, summary
    from alerts where name = ${STATUS_REFUSED} and resolved_at is null
    order by since limit ${limit}`.execute(db);
  return rows;
}

/** Raised when the Listings service refuses an order's status, and resolved when it takes it. */
const STATUS_REFUSED = "order_status_refused";

/** Tells the channels of these orders again what they refused. Returns the orders of which that was something. */
export async function retryReports(trx: Transaction, order_ids: readonly bigint[]): Promise<bigint[]> {
  const parcels = await reopenParcels(trx, order_ids);
  await askForReports(trx, parcels);
  const { rows } = await sql<{ order_id: bigint }>`
    with refused as (
      select (labels->>'order_id')::bigint as order_id from alerts
      where name = ${STATUS_REFUSED} and resolved_at is null and (labels->>'order_id')::bigint = any(${order_ids}::bigint[])
    ), jobs as (
      select graphile_worker.add_job('report_order_status', json_build_object('order_id', order_id::text),
        queue_name => 'report_order_status_' || order_id % 8, job_key => 'report_order_status:' || order_id,
        max_attempts => ${MAX_ATTEMPTS}::int)
      from refused
    )
    select order_id from refused cross join (select count(*) from jobs) as asked`.execute(trx);
  return [...new Set([...parcels, ...rows.map((row) => row.order_id)])];
}

/**
 * Somebody has set it right at the channels: what they refused of these orders is as good as told. Returns the orders of
 * which that was something.
 */
export async function settleReports(trx: Transaction, order_ids: readonly bigint[]): Promise<bigint[]> {
  const { rows } = await sql<{ order_id: bigint }>`
    with refused as (
      update shipments set channel_sync_status = 'tracking_updated', updated_at = now()
      where order_id = any(${order_ids}::bigint[]) and channel_sync_status = 'failed' returning id, order_id
    ), settled as (
      update channel_reports r set failed_at = null, tracking_sent_at = coalesce(tracking_sent_at, now()),
        shipped_sent_at = coalesce(shipped_sent_at, now()), updated_at = now()
      from refused where r.shipment_id = refused.id
    ), statuses as (
      update alerts set resolved_at = now()
      where name = ${STATUS_REFUSED} and resolved_at is null and (labels->>'order_id')::bigint = any(${order_ids}::bigint[])
      returning (labels->>'order_id')::bigint as order_id
    )
    select order_id from refused union select order_id from statuses order by order_id`.execute(trx);
  return rows.map((row) => row.order_id);
}

/** A refusal counts no more; what was told with success before is not told again. */
async function reopenParcels(trx: Transaction, order_ids: readonly bigint[]): Promise<bigint[]> {
  const { rows } = await sql<{ order_id: bigint }>`
    with refused as (
      update shipments set channel_sync_status = 'pending', updated_at = now()
      where order_id = any(${order_ids}::bigint[]) and channel_sync_status = 'failed' returning id, order_id
    ), reopened as (
      update channel_reports r set failed_at = null, updated_at = now() from refused
      where r.shipment_id = refused.id and r.failed_at is not null
    )
    select distinct order_id from refused order by order_id`.execute(trx);
  return rows.map((row) => row.order_id);
}
