import { sql } from "kysely";
import { column } from "./column.ts";
import type { PickingItemRow } from "./picking-tasks.ts";
import type { Transaction } from "./transaction.ts";

/** One pick as it was decided. */
export interface PickWrite {
  item: PickingItemRow;
  order_id: bigint;
  warehouse_id: bigint;
  /** 0: nothing was found. */
  quantity: number;
  status: "picked" | "short";
  /** The item was pending until now, so its task has one more handled. */
  handled: boolean;
  note: string | null;
}

/**
 * Writes picks, however many, in one statement: items, tasks, reservations, lots, order lines and the ledger. The tasks
 * are locked by the caller; lots and order lines are locked here, each in its one order, before they are changed.
 */
export async function writePicks(trx: Transaction, picks: readonly PickWrite[]): Promise<void> {
  if (picks.length === 0) return;
  const items = picks.map((pick) => pick.item);
  await sql`/* hot: write_picks */
    with pick as materialized (
      select * from unnest(${column(items, "id")}::bigint[], ${column(items, "task_id")}::bigint[],
        ${column(items, "reservation_id")}::bigint[], ${column(items, "order_item_id")}::bigint[],
        ${column(items, "product_location_id")}::bigint[], ${column(items, "listing_id")}::bigint[],
        ${column(picks, "order_id")}::bigint[], ${column(picks, "warehouse_id")}::bigint[],
        ${column(picks, "quantity")}::int[], ${column(picks, "status")}::text[], ${column(picks, "handled")}::boolean[],
        ${column(picks, "note")}::text[]) with ordinality
        as pick (item_id, task_id, reservation_id, order_item_id, product_location_id, listing_id, order_id,
                 warehouse_id, quantity, status, handled, note, ordinal)
    ), item_sum as materialized (
      select item_id, reservation_id, sum(quantity)::int as quantity, string_agg(note, '; ' order by ordinal) as note,
             (array_agg(status order by ordinal desc))[1] as status
      from pick group by item_id, reservation_id
    ), lot as materialized (
      select id from product_locations where id in (select product_location_id from pick where quantity > 0)
      order by listing_id, received_at, id for update
    ), line as materialized (
      -- the count comes first, and with it the lots: whoever allocates locks lots before lines too
      select id from order_items where id in (select order_item_id from pick where quantity > 0)
        and (select count(*) from lot) >= 0
      order by id for update
    ), items as (
      update picking_task_items item set quantity_picked = item.quantity_picked + s.quantity, status = s.status,
        picked_at = case when s.quantity > 0 then now() else item.picked_at end, updated_at = now(),
        notes = case when s.note is null then item.notes else concat_ws('; ', item.notes, s.note) end
      from item_sum s where item.id = s.item_id
    ), tasks as (
      update picking_tasks task set picked_items = task.picked_items + s.handled, updated_at = now()
      from (select task_id, count(*) filter (where handled)::int as handled from pick group by task_id) s
      where task.id = s.task_id
    ), reservations as (
      update wms_reservations r set picked_quantity = r.picked_quantity + s.quantity, updated_at = now(),
        status = case when r.open_quantity = s.quantity then 'fulfilled' else 'pending' end
      from item_sum s where r.id = s.reservation_id and s.quantity > 0
    ), lots as (
      update product_locations l set quantity = l.quantity - s.quantity,
        reserved_quantity = l.reserved_quantity - s.quantity, updated_at = clock_timestamp()
      from lot join (select product_location_id, sum(quantity)::int as quantity from pick group by product_location_id) s
        on s.product_location_id = lot.id
      where l.id = lot.id
    ), lines as (
      update order_items i set picked_quantity = i.picked_quantity + s.quantity
      from line join (select order_item_id, sum(quantity)::int as quantity from pick group by order_item_id) s
        on s.order_item_id = line.id
      where i.id = line.id
    )
    insert into inventory_movements (listing_id, warehouse_id, quantity, from_place, from_product_location_id, to_place,
      reason, order_id, reference)
    select listing_id, warehouse_id, quantity, 'shelf', product_location_id, 'packing', 'pick', order_id,
           'picking_task_item:' || item_id
    from pick where quantity > 0 order by ordinal`.execute(trx);
}
