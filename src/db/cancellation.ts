import { type RawBuilder, sql } from "kysely";
import type {
  FulfillmentStatus,
  LabelStatus,
  PackingTaskStatus,
  PickingTaskStatus,
  ShipmentStatus,
} from "../domain/vocabulary.ts";
import { column } from "./column.ts";
import { noteShipmentEvents } from "./committed.ts";
import { MAX_ATTEMPTS } from "./jobs.ts";
import type { Transaction } from "./transaction.ts";

export interface CancellablePart {
  fulfillment_id: bigint;
  order_id: bigint;
  warehouse_id: bigint | null;
  status: FulfillmentStatus;
  picking_task_id: bigint | null;
  picking_status: PickingTaskStatus | null;
  packing_task_id: bigint | null;
  packing_status: PackingTaskStatus | null;
  /** Its first shipment that is with the carrier, or was. */
  sent_shipment_id: bigint | null;
  sent_status: ShipmentStatus | null;
}

/** A live shipment that a carrier has, or had: nobody here can stop it. */
const SENT = sql`status not in ('ready', 'cancelled')`;

/** Fulfillments with their live tasks, everything locked in order. */
export async function lockParts(
  trx: Transaction,
  fulfillment_ids: readonly bigint[],
): Promise<CancellablePart[]> {
  const ids = [...fulfillment_ids];
  await sql`select from picking_tasks where fulfillment_id = any(${ids}::bigint[]) order by id for update`.execute(
    trx,
  );
  await sql`select from packing_tasks where fulfillment_id = any(${ids}::bigint[]) order by id for update`.execute(
    trx,
  );
  await sql`select from shipments where fulfillment_id = any(${ids}::bigint[]) order by id for update`.execute(
    trx,
  );
  const { rows } = await sql<CancellablePart>`
    select f.id as fulfillment_id, f.order_id, f.warehouse_id, f.status, pick.id as picking_task_id,
           pick.status as picking_status, pack.id as packing_task_id, pack.status as packing_status,
           sent.id as sent_shipment_id, sent.status as sent_status
    from fulfillments f
    left join picking_tasks pick on pick.fulfillment_id = f.id and pick.status <> 'cancelled'
    left join packing_tasks pack on pack.fulfillment_id = f.id and pack.status <> 'cancelled'
    left join lateral (
      select id, status from shipments where fulfillment_id = f.id and ${SENT} order by id limit 1) sent on true
    where f.id = any(${ids}::bigint[]) order by f.id`.execute(trx);
  return rows;
}

export interface PickedItem {
  id: bigint;
  task_id: bigint;
  order_id: bigint;
  order_item_id: bigint;
  reservation_id: bigint;
  listing_id: bigint;
  warehouse_id: bigint;
  product_location_id: bigint;
  quantity_required: number;
  quantity_picked: number;
  open_quantity: number;
  received_at: Date;
  lot_code: string | null;
  expires_on: string | null;
}

/** The items of these tasks, locked, with what their reservations still hold and the lots that they came from. */
export async function lockItems(trx: Transaction, task_ids: readonly bigint[]): Promise<PickedItem[]> {
  await sql`select from picking_task_items where task_id = any(${task_ids}::bigint[]) order by id for update`.execute(
    trx,
  );
  const { rows } = await sql<PickedItem>`
    select item.id, item.task_id, r.order_id, item.order_item_id, item.reservation_id, item.listing_id, r.warehouse_id,
           item.product_location_id, item.quantity_required, item.quantity_picked, r.open_quantity, lot.received_at,
           lot.lot_code, lot.expires_on
    from picking_task_items item
    join wms_reservations r on r.id = item.reservation_id
    join product_locations lot on lot.id = item.product_location_id
    where item.task_id = any(${task_ids}::bigint[]) order by item.id`.execute(trx);
  return rows;
}

/** The place of each warehouse where goods wait to be put back, or are kept until counted. */
export async function listServicePlaces(
  trx: Transaction,
  warehouse_ids: readonly bigint[],
  kind: "put_back" | "quarantine",
): Promise<Map<bigint, { id: bigint; code: string }>> {
  const { rows } = await sql<{ warehouse_id: bigint; id: bigint; code: string }>`
    select distinct on (warehouse_id) warehouse_id, id, code from locations
    where warehouse_id = any(${warehouse_ids}::bigint[]) and kind = ${kind} order by warehouse_id, id`.execute(
    trx,
  );
  return new Map(rows.map(({ warehouse_id, id, code }) => [warehouse_id, { id, code }]));
}

export interface LineChange {
  id: bigint;
  /** Units no longer picked, because they go back. They are no longer promised either. */
  put_back: number;
  cancelled: number;
}

export async function cancelLineUnits(trx: Transaction, changes: readonly LineChange[]): Promise<void> {
  if (changes.length === 0) return;
  await sql`
    update order_items line set picked_quantity = line.picked_quantity - c.put_back,
      allocated_quantity = line.allocated_quantity - c.put_back,
      cancelled_quantity = line.cancelled_quantity + c.cancelled
    from (select id, sum(put_back)::int as put_back, sum(cancelled)::int as cancelled
          from unnest(${column(changes, "id")}::bigint[], ${column(changes, "put_back")}::int[],
                      ${column(changes, "cancelled")}::int[]) as change (id, put_back, cancelled) group by id) c
    where line.id = c.id`.execute(trx);
}

/** Cancels the live picking and packing tasks of these fulfillments. */
export async function cancelTasks(
  trx: Transaction,
  fulfillment_ids: readonly bigint[],
  reason: string,
): Promise<void> {
  await sql`
    with picking as (
      update picking_tasks set status = 'cancelled', cancelled_at = now(), cancellation_reason = ${reason}, updated_at = now()
      where fulfillment_id = any(${fulfillment_ids}::bigint[]) and status in ('pending', 'assigned', 'in_progress')
    )
    update packing_tasks set status = 'cancelled', cancelled_at = now(), cancellation_reason = ${reason}, updated_at = now()
    where fulfillment_id = any(${fulfillment_ids}::bigint[]) and status <> 'cancelled'`.execute(trx);
}

export interface CancelledShipment {
  id: bigint;
  order_id: bigint;
  carrier_code: string;
  tracking_number: string | null;
}

/** Cancels what these fulfillments have of shipments that the carrier has not got yet. */
export function cancelShipments(
  trx: Transaction,
  fulfillment_ids: readonly bigint[],
  reason: string,
): Promise<CancelledShipment[]> {
  return endShipments(trx, sql`fulfillment_id = any(${fulfillment_ids}::bigint[])`, reason);
}

/** Cancels those of these locked shipments that the carrier has not got yet. */
export async function cancelShipmentsById(
  trx: Transaction,
  ids: readonly bigint[],
  reason: string,
): Promise<CancelledShipment[]> {
  return ids.length === 0 ? [] : endShipments(trx, sql`id = any(${ids}::bigint[])`, reason);
}

/**
 * A label that was bought, or is being bought, is voided by a job that this enqueues; one that nobody asked for yet never
 * will be.
 */
async function endShipments(
  trx: Transaction,
  which: RawBuilder<unknown>,
  reason: string,
): Promise<CancelledShipment[]> {
  const { rows } = await sql<CancelledShipment & { label_status: LabelStatus; status: ShipmentStatus }>`
    with cancelled as (
      update shipments set status = 'cancelled', cancelled_at = now(), cancellation_reason = ${reason}, updated_at = now()
      where ${which} and status = 'ready'
      returning id, order_id, carrier_code, tracking_number, label_status
    ), noted as (
      insert into shipment_events (shipment_id, event_type, payload_json)
      select id, 'SHIPMENT_CANCELLED', jsonb_build_object('reason', ${reason}::text) from cancelled
    ), voids as (
      select graphile_worker.add_job('void_label', json_build_object('shipment_id', id::text),
        job_key => 'void_label:' || id, max_attempts => ${MAX_ATTEMPTS}::int)
      from cancelled where label_status in ('requested', 'created', 'needs_review')
    )
    select cancelled.* from cancelled, (select count(*) from voids) as enqueued order by id`.execute(trx);
  noteShipmentEvents(
    trx,
    rows.map(({ id: shipment_id, order_id, carrier_code, tracking_number }) => ({
      shipment_id,
      order_id,
      carrier_code,
      tracking_number,
      event_type: "SHIPMENT_CANCELLED",
      payload: { reason },
    })),
  );
  return rows;
}

/**
 * What of these orders can still be stopped. Goods of which a parcel is with its carrier cannot: taking them back, or
 * freeing what they are promised of, would book units into the house that have left it.
 */
export async function listUnshippedFulfillments(
  trx: Transaction,
  order_ids: readonly bigint[],
): Promise<bigint[]> {
  const { rows } = await sql<{ id: bigint }>`
    select id from fulfillments f
    where order_id = any(${order_ids}::bigint[]) and status not in ('shipped', 'completed', 'cancelled')
      and not exists (select from shipments where fulfillment_id = f.id and ${SENT})
    order by id`.execute(trx);
  return rows.map((row) => row.id);
}

/** The first of an order's shipments that is with its carrier, or was. */
export async function findSentShipment(
  trx: Transaction,
  order_id: bigint,
): Promise<{ id: bigint; status: ShipmentStatus } | undefined> {
  const { rows } = await sql<{ id: bigint; status: ShipmentStatus }>`
    select id, status from shipments where order_id = ${order_id} and ${SENT} order by id limit 1`.execute(
    trx,
  );
  return rows[0];
}

/** Nobody waits any more: what these orders' lines lack counts as cancelled. */
export async function cancelShortages(trx: Transaction, order_ids: readonly bigint[]): Promise<void> {
  await sql`
    update order_items set cancelled_quantity = cancelled_quantity + shortage_quantity
    where order_id = any(${order_ids}::bigint[]) and shortage_quantity > 0`.execute(trx);
}
