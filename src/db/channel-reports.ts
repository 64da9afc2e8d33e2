import { sql } from "kysely";
import type { OrderStatus } from "../domain/vocabulary.ts";
import type { Database } from "./database.ts";
import { MAX_ATTEMPTS } from "./jobs.ts";
import type { Transaction } from "./transaction.ts";

/** The first of the numbers that marketplaces' orders get here: `channel_order_ids` begins with it. */
const FIRST_CHANNEL_ORDER = 8_000_000_000_000_000n;

/** Asks for these orders' parcels to be reported, where they come from a marketplace. */
export async function askForReports(trx: Transaction, order_ids: readonly bigint[]): Promise<void> {
  const candidates = order_ids.filter((order_id) => order_id >= FIRST_CHANNEL_ORDER);
  if (candidates.length === 0) return;
  // Two queues at most: a marketplace that answers slowly must not occupy all who buy labels.
  await sql`
    select graphile_worker.add_job('report_parcels', json_build_object('channel', channel, 'order_id', order_id::text),
      queue_name => 'report_parcels_' || channel || '_' || order_id % 2,
      job_key => 'report_parcels:' || channel || ':' || order_id, max_attempts => ${MAX_ATTEMPTS}::int)
    from channel_orders where order_id = any(${candidates}::bigint[]) order by order_id`.execute(trx);
}

/** A parcel of a marketplace's order, and what the marketplace was told of it. */
export interface ReportedParcel {
  shipment_id: bigint;
  carrier_code: string;
  carrier_name: string;
  tracking_number: string | null;
  /** It was told of this very number. */
  tracking_sent: boolean;
  ship_attempts: number;
  shipped_sent: boolean;
  /** It has refused this very number, or that the order is shipped, for good. */
  failed: boolean;
}

export interface ReportedOrder {
  order_id: bigint;
  channel_order_id: string;
  status: OrderStatus;
  parcels: ReportedParcel[];
}

export async function findReportedOrder(
  db: Database,
  channel: string,
  order_id: bigint,
): Promise<ReportedOrder | undefined> {
  const { rows } = await sql<Omit<ReportedOrder, "parcels">>`
    select o.order_id, c.channel_order_id, o.status from channel_orders c join orders o on o.order_id = c.order_id
    where c.channel = ${channel} and c.order_id = ${order_id}`.execute(db);
  const [order] = rows;
  if (!order) return undefined;
  const parcels = await sql<ReportedParcel>`
    select s.id as shipment_id, s.carrier_code, coalesce(k.name, s.carrier_code) as carrier_name, s.tracking_number,
      coalesce(same and r.tracking_sent_at is not null, false) as tracking_sent,
      coalesce(r.ship_attempts, 0) as ship_attempts, r.shipped_sent_at is not null as shipped_sent,
      coalesce(same and r.failed_at is not null, false) as failed
    from shipments s
    left join carriers k on k.code = s.carrier_code
    left join channel_reports r on r.shipment_id = s.id and r.channel = ${channel}
    cross join lateral (select r.carrier_code = s.carrier_code and r.tracking_number = s.tracking_number as same) number
    where s.order_id = ${order_id} and s.status <> 'cancelled' order by s.id`.execute(db);
  return { ...order, parcels: parcels.rows };
}

/** Before the marketplace is told a parcel's number: whatever was known of another number counts no more. */
export async function noteTrackingAttempt(
  db: Database,
  channel: string,
  { shipment_id, carrier_code, tracking_number }: ReportedParcel,
): Promise<void> {
  await sql`
    insert into channel_reports as r (shipment_id, channel, carrier_code, tracking_number, tracking_attempts)
    values (${shipment_id}, ${channel}, ${carrier_code}, ${tracking_number ?? ""}, 1)
    on conflict (shipment_id, channel) do update set carrier_code = excluded.carrier_code,
      tracking_number = excluded.tracking_number, tracking_attempts = r.tracking_attempts + 1,
      tracking_sent_at = null, failed_at = null, updated_at = now()`.execute(db);
}

export async function noteTrackingSent(db: Database, channel: string, shipment_id: bigint): Promise<void> {
  await sql`
    update channel_reports set tracking_sent_at = now(), last_error = null, updated_at = now()
    where shipment_id = ${shipment_id} and channel = ${channel}`.execute(db);
}

/** Before the marketplace is told that the order is shipped. */
export async function noteShipAttempt(db: Database, channel: string, ids: readonly bigint[]): Promise<void> {
  await sql`
    update channel_reports set ship_attempts = ship_attempts + 1, updated_at = now()
    where channel = ${channel} and shipment_id = any(${ids}::bigint[])`.execute(db);
}

/** The marketplace knows all of these parcels, and that they are on their way. */
export async function noteShipped(db: Database, channel: string, ids: readonly bigint[]): Promise<void> {
  await sql`
    with told as (
      update channel_reports set shipped_sent_at = coalesce(shipped_sent_at, now()), last_error = null, failed_at = null,
        updated_at = now()
      where channel = ${channel} and shipment_id = any(${ids}::bigint[]) returning shipment_id
    )
    update shipments set channel_sync_status = 'tracking_updated', updated_at = now()
    where id in (select shipment_id from told) and channel_sync_status <> 'tracking_updated'`.execute(db);
}

/** It did not work this time; `final`: and will not, until somebody has seen to it. */
export async function noteReportError(
  db: Database,
  channel: string,
  ids: readonly bigint[],
  { error, final }: { error: string; final: boolean },
): Promise<void> {
  await sql`
    with told as (
      update channel_reports set last_error = ${error.slice(0, 500)}, updated_at = now(),
        failed_at = case when ${final} then now() end
      where channel = ${channel} and shipment_id = any(${ids}::bigint[]) returning shipment_id
    )
    update shipments set channel_sync_status = 'failed', updated_at = now()
    where ${final} and id in (select shipment_id from told) and channel_sync_status <> 'failed'`.execute(db);
}
