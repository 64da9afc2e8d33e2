import { type Selectable, sql } from "kysely";
import { DomainError } from "../domain/errors.ts";
import type { LabelStatus, ShipmentStatus } from "../domain/vocabulary.ts";
import { column } from "./column.ts";
import type { Database } from "./database.ts";
import type { Shipments } from "./schema.ts";
import type { Transaction } from "./transaction.ts";

export type ShipmentRow = Selectable<Shipments>;

export function shipmentNotFound(shipment_id: bigint): DomainError {
  return new DomainError("SHIPMENT_NOT_FOUND", `no shipment ${shipment_id}`, { shipment_id });
}

/** Read without a lock: which order to lock before the shipment. */
export async function findShipmentOrder(db: Database, shipment_id: bigint): Promise<bigint> {
  const row = await db
    .selectFrom("shipments")
    .select("order_id")
    .where("id", "=", shipment_id)
    .executeTakeFirst();
  if (!row) throw shipmentNotFound(shipment_id);
  return row.order_id;
}

/** Locks shipments, in order; their orders' rows come first. */
export async function lockShipments(trx: Transaction, ids: readonly bigint[]): Promise<ShipmentRow[]> {
  const { rows } = await sql<ShipmentRow>`
    select * from shipments where id = any(${[...new Set(ids)]}::bigint[]) order by id for update`.execute(
    trx,
  );
  return rows;
}

export async function lockShipment(trx: Transaction, id: bigint): Promise<ShipmentRow> {
  const [shipment] = await lockShipments(trx, [id]);
  if (!shipment) throw shipmentNotFound(id);
  return shipment;
}

/** A fulfillment's shipments that were not cancelled, oldest first. */
export async function lockLiveShipments(trx: Transaction, fulfillment_id: bigint): Promise<ShipmentRow[]> {
  const { rows } = await sql<ShipmentRow>`
    select * from shipments where fulfillment_id = ${fulfillment_id} and status <> 'cancelled'
    order by id for update`.execute(trx);
  return rows;
}

export async function carrierExists(db: Database, code: string): Promise<boolean> {
  const row = await db.selectFrom("carriers").select("code").where("code", "=", code).executeTakeFirst();
  return row !== undefined;
}

export interface StatusChange {
  id: bigint;
  status: ShipmentStatus;
  /** Set once, by the first change; left out: now. */
  shipped_at?: Date | null;
  /** Of a delivered shipment only. */
  delivered_at?: Date | null;
}

export async function updateShipmentStatuses(
  trx: Transaction,
  changes: readonly StatusChange[],
): Promise<void> {
  if (changes.length === 0) return;
  await sql`
    update shipments s set status = changed.status, shipped_at = coalesce(s.shipped_at, changed.shipped_at, now()),
      delivered_at = case when changed.status = 'delivered' then changed.delivered_at end, updated_at = now()
    from unnest(${column(changes, "id")}::bigint[], ${column(changes, "status")}::text[],
                ${column(changes, "shipped_at")}::timestamptz[], ${column(changes, "delivered_at")}::timestamptz[])
         as changed (id, status, shipped_at, delivered_at)
    where s.id = changed.id`.execute(trx);
}

export async function updateLabelStatus(
  trx: Transaction,
  id: bigint,
  label_status: LabelStatus,
): Promise<void> {
  await sql`update shipments set label_status = ${label_status}, updated_at = now() where id = ${id}`.execute(
    trx,
  );
}

/** Another shipment of the carrier's that travels under this number now. */
export async function findNumberHolder(
  trx: Transaction,
  carrier_code: string,
  tracking_number: string,
  except: bigint,
): Promise<bigint | undefined> {
  const row = await trx
    .selectFrom("shipments")
    .select("id")
    .where("carrier_code", "=", carrier_code)
    .where("tracking_number", "=", tracking_number)
    .where("status", "not in", ["delivered", "returned", "lost", "cancelled"])
    .where("id", "<>", except)
    .executeTakeFirst();
  return row?.id;
}

/** The shipment travels under this number: it and its first box carry it. */
export async function setTracking(
  trx: Transaction,
  shipment_id: bigint,
  { carrier_code, tracking_number }: { carrier_code: string; tracking_number: string },
): Promise<void> {
  await sql`
    with box as (
      update packages set tracking_number = ${tracking_number}, updated_at = now()
      where id = (select id from packages where shipment_id = ${shipment_id} order by sequence_number limit 1)
    )
    update shipments set carrier_code = ${carrier_code}, tracking_number = ${tracking_number}, updated_at = now()
    where id = ${shipment_id}`.execute(trx);
}

export async function cancelShipment(trx: Transaction, shipment_id: bigint, reason: string): Promise<void> {
  await sql`update shipments set status = 'cancelled', cancelled_at = now(), cancellation_reason = ${reason},
    updated_at = now() where id = ${shipment_id}`.execute(trx);
}

export interface ShipmentFilter {
  order_id?: bigint | undefined;
  fulfillment_id?: bigint | undefined;
  warehouse_id?: bigint | undefined;
  carrier_code?: string | undefined;
  statuses: readonly ShipmentStatus[];
  label_statuses: readonly LabelStatus[];
  channel_sync_statuses: readonly ShipmentRow["channel_sync_status"][];
}

/** Newest first; the page begins below the id that the caller has seen last. */
export async function listShipmentIds(
  db: Database,
  filter: ShipmentFilter,
  page: { size: number; after: bigint },
): Promise<bigint[]> {
  let query = db.selectFrom("shipments").select("id").orderBy("id", "desc").limit(page.size);
  if (page.after > 0n) query = query.where("id", "<", page.after);
  if (filter.order_id !== undefined) query = query.where("order_id", "=", filter.order_id);
  if (filter.fulfillment_id !== undefined) query = query.where("fulfillment_id", "=", filter.fulfillment_id);
  if (filter.warehouse_id !== undefined) query = query.where("warehouse_id", "=", filter.warehouse_id);
  if (filter.carrier_code !== undefined) query = query.where("carrier_code", "=", filter.carrier_code);
  if (filter.statuses.length > 0) query = query.where("status", "in", filter.statuses);
  if (filter.label_statuses.length > 0) query = query.where("label_status", "in", filter.label_statuses);
  if (filter.channel_sync_statuses.length > 0)
    query = query.where("channel_sync_status", "in", filter.channel_sync_statuses);
  return (await query.execute()).map((row) => row.id);
}

/** The newest shipment with this number, its own or that of one of its packages. */
export async function findShipmentByNumber(
  db: Database,
  tracking_number: string,
): Promise<bigint | undefined> {
  const { rows } = await sql<{ id: bigint | null }>`
    select max(id) as id from (
      select id from shipments where tracking_number = ${tracking_number}
      union all
      select shipment_id from packages where tracking_number = ${tracking_number}
    ) found`.execute(db);
  return rows[0]?.id ?? undefined;
}
