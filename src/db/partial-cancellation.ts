import { sql } from "kysely";
import type { FulfillmentStatus } from "../domain/vocabulary.ts";
import type { PickedItem } from "./cancellation.ts";
import { column } from "./column.ts";
import type { Transaction } from "./transaction.ts";

export interface OpenItem extends PickedItem {
  fulfillment_id: bigint;
  fulfillment_status: FulfillmentStatus;
  /** Picked units of its line on this task that lie in no parcel yet: all of them before packing has begun. */
  unpacked_quantity: number;
}

/**
 * The items of these orders' live picking tasks. Those of fulfillments that have a shipment with its carrier are left
 * out: their goods have left the house, whatever the book says. Locks picking tasks, packing tasks and items, in this order.
 */
export async function lockOpenItems(trx: Transaction, order_ids: readonly bigint[]): Promise<OpenItem[]> {
  await sql`select from picking_tasks where order_id = any(${order_ids}::bigint[]) order by id for update`.execute(
    trx,
  );
  await sql`select from packing_tasks where order_id = any(${order_ids}::bigint[]) order by id for update`.execute(
    trx,
  );
  await sql`select from picking_task_items where task_id in
    (select id from picking_tasks where order_id = any(${order_ids}::bigint[])) order by id for update`.execute(
    trx,
  );
  const { rows } = await sql<OpenItem>`
    select item.id, item.task_id, task.order_id, item.order_item_id, item.reservation_id, item.listing_id, r.warehouse_id,
           item.product_location_id, item.quantity_required, item.quantity_picked, r.open_quantity, lot.received_at,
           lot.lot_code, lot.expires_on, f.id as fulfillment_id, f.status as fulfillment_status,
           coalesce(pack.quantity - pack.packed_quantity,
             sum(item.quantity_picked) over (partition by item.task_id, item.order_item_id))::int as unpacked_quantity
    from picking_tasks task
    join fulfillments f on f.id = task.fulfillment_id
    join picking_task_items item on item.task_id = task.id
    join wms_reservations r on r.id = item.reservation_id
    join product_locations lot on lot.id = item.product_location_id
    left join packing_tasks packing on packing.picking_task_id = task.id and packing.status <> 'cancelled'
    left join packing_task_items pack on pack.task_id = packing.id and pack.order_item_id = item.order_item_id
    where task.order_id = any(${order_ids}::bigint[]) and task.status <> 'cancelled'
      and not exists (select from shipments s where s.fulfillment_id = f.id and s.status not in ('ready', 'cancelled'))
    order by item.id`.execute(trx);
  return rows;
}

export interface ItemChange {
  id: bigint;
  task_id: bigint;
  order_item_id: bigint;
  /** Units that need not be picked any more; those that were picked and go back among them. */
  required: number;
  picked: number;
}

/**
 * Takes cancelled units off picking items, and off the packing items of their lines. A line that nothing is left of
 * counts as handled; a short or skipped one that has all it now needs becomes picked.
 */
export async function shrinkItems(
  trx: Transaction,
  changes: readonly ItemChange[],
  reason: string,
): Promise<void> {
  if (changes.length === 0) return;
  await sql`
    with change as (
      select id, task_id, order_item_id, sum(required)::int as required, sum(picked)::int as picked
      from unnest(${column(changes, "id")}::bigint[], ${column(changes, "task_id")}::bigint[],
        ${column(changes, "order_item_id")}::bigint[], ${column(changes, "required")}::int[],
        ${column(changes, "picked")}::int[]) as part (id, task_id, order_item_id, required, picked)
      group by id, task_id, order_item_id
    ), handled as (
      select item.task_id, count(*)::int as items from picking_task_items item join change on change.id = item.id
      where item.status = 'pending' and item.quantity_required = change.required group by item.task_id
    ), items as (
      update picking_task_items item set quantity_required = item.quantity_required - change.required,
        quantity_picked = item.quantity_picked - change.picked, updated_at = now(),
        notes = concat_ws('; ', item.notes, 'cancelled by the customer: ' || change.required || ' (' || ${reason}::text || ')'),
        status = case
          when item.status = 'picked' then 'picked'
          when item.quantity_required = change.required then 'skipped'
          when item.quantity_required - change.required = item.quantity_picked - change.picked then 'picked'
          else item.status end
      from change where item.id = change.id
    ), tasks as (
      update picking_tasks task set picked_items = task.picked_items + handled.items, updated_at = now()
      from handled where task.id = handled.task_id
    )
    update packing_task_items pack set quantity = pack.quantity - back.picked, updated_at = now(),
      status = case when pack.packed_quantity = pack.quantity - back.picked then 'fully_packed' else 'pending' end
    from (select task.id as packing_task_id, change.order_item_id, sum(change.picked)::int as picked
          from change join packing_tasks task on task.picking_task_id = change.task_id and task.status <> 'cancelled'
          where change.picked > 0 group by task.id, change.order_item_id) back
    where pack.task_id = back.packing_task_id and pack.order_item_id = back.order_item_id`.execute(trx);
}

/**
 * Fulfillments of these orders that neither have goods nor will be brought any: there is nothing left to do for them.
 * What an item required says nothing of it, since that counts units that the picker gave up.
 */
export async function listEmptyFulfillments(
  trx: Transaction,
  order_ids: readonly bigint[],
): Promise<bigint[]> {
  const { rows } = await sql<{ id: bigint }>`
    select f.id from fulfillments f
    join picking_tasks task on task.fulfillment_id = f.id and task.status <> 'cancelled'
    where f.order_id = any(${order_ids}::bigint[]) and f.status in ('planning', 'picking', 'picked', 'packing')
      and not exists (select from picking_task_items item join wms_reservations r on r.id = item.reservation_id
                      where item.task_id = task.id and (item.quantity_picked > 0 or r.open_quantity > 0))
    order by f.id`.execute(trx);
  return rows.map((row) => row.id);
}
