import { sql } from "kysely";
import type { ShipmentPart } from "../domain/fulfillment-progress.ts";
import type { FulfillmentStatus } from "../domain/vocabulary.ts";
import { column } from "./column.ts";
import type { Transaction } from "./transaction.ts";

export interface ContentLine {
  order_item_id: bigint;
  listing_id: bigint;
  quantity: number;
  /** Of these, in no live shipment yet. */
  remaining: number;
}

/**
 * What a fulfillment sends: what was picked, once its packing task exists; before, what was picked and what its pickers
 * are still to bring. What was not found counts once: where it is now looked for, if anywhere.
 */
export async function listFulfillmentContents(
  trx: Transaction,
  fulfillment_id: bigint,
): Promise<ContentLine[]> {
  const { rows } = await sql<ContentLine>`
    with packing as (
      select item.order_item_id, item.listing_id, item.quantity
      from packing_tasks task join packing_task_items item on item.task_id = task.id
      where task.fulfillment_id = ${fulfillment_id} and task.status <> 'cancelled'
    ), lines as (
      select order_item_id, listing_id, quantity from packing
      union all
      select item.order_item_id, item.listing_id,
             sum(item.quantity_picked + case when item.status = 'skipped' then 0 else r.open_quantity end)::int
      from picking_tasks task join picking_task_items item on item.task_id = task.id
      join wms_reservations r on r.id = item.reservation_id
      where task.fulfillment_id = ${fulfillment_id} and task.status <> 'cancelled' and not exists (select from packing)
      group by item.order_item_id, item.listing_id
    ), sent as (
      select item.order_item_id, sum(item.quantity)::int as units
      from shipments s join shipment_items item on item.shipment_id = s.id
      where s.fulfillment_id = ${fulfillment_id} and s.status <> 'cancelled' group by item.order_item_id
    )
    select order_item_id, listing_id, quantity, greatest(quantity - coalesce(sent.units, 0), 0) as remaining
    from lines left join sent using (order_item_id) where quantity > 0 order by order_item_id`.execute(trx);
  return rows;
}

/**
 * Cuts the items of a fulfillment's shipments to what it really sends: shipments made early hold what was to be picked,
 * and less may have been found, or wanted. The last of them give way first, those that are with the carrier after all
 * others: these change only on paper. Returns the ready shipments in which nothing is left.
 */
export async function trimShipments(
  trx: Transaction,
  fulfillment_id: bigint,
  contents: readonly ContentLine[],
): Promise<bigint[]> {
  const { rows } = await sql<{ id: bigint }>`
    with held as (
      select * from unnest(${column(contents, "order_item_id")}::bigint[], ${column(contents, "quantity")}::int[])
        as line (order_item_id, quantity)
    ), placed as (
      select item.id, item.shipment_id, s.status, item.quantity, greatest(0, least(item.quantity,
          coalesce(held.quantity, 0) - coalesce(sum(item.quantity) over (partition by item.order_item_id
            order by s.status = 'ready', s.id, item.id rows between unbounded preceding and 1 preceding), 0)))::int as kept
      from shipments s join shipment_items item on item.shipment_id = s.id left join held using (order_item_id)
      where s.fulfillment_id = ${fulfillment_id} and s.status <> 'cancelled'
    ), cut as (
      update shipment_items item set quantity = kept from placed
      where item.id = placed.id and kept < placed.quantity and kept > 0
    ), dropped as (
      delete from shipment_items item using placed where item.id = placed.id and kept = 0
    )
    select shipment_id as id from placed where status = 'ready' group by shipment_id having sum(kept) = 0
    order by shipment_id`.execute(trx);
  return rows.map((row) => row.id);
}

/** What of an order that no fulfillment sends is in no live shipment yet. */
export async function listOrderContents(trx: Transaction, order_id: bigint): Promise<ContentLine[]> {
  const { rows } = await sql<ContentLine>`
    with sent as (
      select item.order_item_id, sum(item.quantity)::int as units
      from shipments s join shipment_items item on item.shipment_id = s.id
      where s.order_id = ${order_id} and s.status <> 'cancelled' group by item.order_item_id
    )
    select line.id as order_item_id, line.listing_id, line.quantity - line.cancelled_quantity as quantity,
      greatest(line.quantity - line.cancelled_quantity - coalesce(sent.units, 0), 0) as remaining
    from order_items line left join sent on sent.order_item_id = line.id
    where line.order_id = ${order_id} and line.quantity > line.cancelled_quantity order by line.id`.execute(
    trx,
  );
  return rows;
}

export interface SettlementRow {
  id: bigint;
  order_id: bigint;
  warehouse_id: bigint | null;
  status: FulfillmentStatus;
  /** Packed units that stand in no live shipment. */
  uncovered_units: number;
  shipments: ShipmentPart[];
}

/** Fulfillments whose shipments were changed, with what decides how far they are. Their orders are locked. */
export async function listSettlements(trx: Transaction, ids: readonly bigint[]): Promise<SettlementRow[]> {
  const { rows } = await sql<Omit<SettlementRow, "shipments">>`
    with packed as (
      select task.fulfillment_id, item.order_item_id, item.quantity
      from packing_tasks task join packing_task_items item on item.task_id = task.id
      where task.fulfillment_id = any(${ids}::bigint[]) and task.status <> 'cancelled'
    ), sent as (
      select s.fulfillment_id, item.order_item_id, sum(item.quantity)::int as units
      from shipments s join shipment_items item on item.shipment_id = s.id
      where s.fulfillment_id = any(${ids}::bigint[]) and s.status <> 'cancelled'
      group by s.fulfillment_id, item.order_item_id
    ), uncovered as (
      select fulfillment_id, sum(greatest(quantity - coalesce(units, 0), 0))::int as units
      from packed left join sent using (fulfillment_id, order_item_id) group by fulfillment_id
    )
    select f.id, f.order_id, f.warehouse_id, f.status, coalesce(uncovered.units, 0) as uncovered_units
    from fulfillments f left join uncovered on uncovered.fulfillment_id = f.id
    where f.id = any(${ids}::bigint[]) order by f.id`.execute(trx);
  const parts = await trx
    .selectFrom("shipments")
    .select(["fulfillment_id", "status", "label_status", "tracking_number"])
    .where(sql<boolean>`fulfillment_id = any(${ids}::bigint[])`)
    .execute();
  const shipments = Map.groupBy(parts, (part) => part.fulfillment_id);
  return rows.map((row) => ({ ...row, shipments: shipments.get(row.id) ?? [] }));
}

export interface ShippedTask {
  id: bigint;
  order_id: bigint;
  tracking_number: string;
}

/** The packing tasks of fulfillments that leave the house become shipped, under their shipment's number. */
export async function shipPackingTasks(
  trx: Transaction,
  fulfillment_ids: readonly bigint[],
): Promise<ShippedTask[]> {
  const { rows } = await sql<ShippedTask>`
    update packing_tasks task set status = 'shipped', tracking_number = shipment.tracking_number,
      shipped_at = shipment.shipped_at, updated_at = now()
    from (select distinct on (fulfillment_id) fulfillment_id, tracking_number, shipped_at from shipments
          where fulfillment_id = any(${fulfillment_ids}::bigint[]) and status <> 'cancelled' and tracking_number is not null
          order by fulfillment_id, id) shipment
    where task.fulfillment_id = shipment.fulfillment_id and task.status = 'packed'
    returning task.id, task.order_id, task.tracking_number`.execute(trx);
  return rows.sort((a, b) => (a.id < b.id ? -1 : 1));
}

export interface ShippedLine {
  order_id: bigint;
  fulfillment_id: bigint;
  warehouse_id: bigint;
  listing_id: bigint;
  quantity: number;
}

/** Counts the packed units of these fulfillments as shipped on their order lines; says which they were. */
export async function shipLines(
  trx: Transaction,
  fulfillment_ids: readonly bigint[],
): Promise<ShippedLine[]> {
  const { rows } = await sql<ShippedLine>`
    with sent as (
      select item.order_item_id, item.listing_id, task.order_id, task.fulfillment_id, task.warehouse_id, item.quantity
      from packing_tasks task join packing_task_items item on item.task_id = task.id
      where task.fulfillment_id = any(${fulfillment_ids}::bigint[]) and task.status <> 'cancelled' and item.quantity > 0
    ), lines as (
      update order_items line set shipped_quantity = line.shipped_quantity + sums.quantity
      from (select order_item_id, sum(quantity)::int as quantity from sent group by order_item_id) sums
      where line.id = sums.order_item_id
    )
    select order_id, fulfillment_id, warehouse_id, listing_id, quantity from sent order by order_item_id`.execute(
    trx,
  );
  return rows;
}

/** Of these orders, those of which nothing remains in the house once these fulfillments have left it. */
export async function listOrdersLeaving(
  trx: Transaction,
  order_ids: readonly bigint[],
  fulfillment_ids: readonly bigint[],
): Promise<bigint[]> {
  const { rows } = await sql<{ order_id: bigint }>`
    select order_id from order_items line where order_id = any(${order_ids}::bigint[])
    group by order_id
    having sum(quantity - cancelled_quantity - shipped_quantity) <= coalesce((
      select sum(item.quantity) from packing_tasks task join packing_task_items item on item.task_id = task.id
      where task.order_id = line.order_id and task.fulfillment_id = any(${fulfillment_ids}::bigint[])
        and task.status <> 'cancelled'), 0)`.execute(trx);
  return rows.map((row) => row.order_id);
}
