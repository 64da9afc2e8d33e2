import { sql } from "kysely";
import type { Priority } from "../domain/vocabulary.ts";
import { column } from "./column.ts";
import type { Transaction } from "./transaction.ts";

export interface NewPickingTask {
  order_id: bigint;
  fulfillment_id: bigint;
  warehouse_id: bigint;
  priority: Priority;
  total_items: number;
}

/** Returns the ids in the order given. */
export async function insertPickingTasks(
  trx: Transaction,
  tasks: readonly NewPickingTask[],
): Promise<bigint[]> {
  if (tasks.length === 0) return [];
  const { rows } = await sql<{ id: bigint }>`
    insert into picking_tasks (order_id, fulfillment_id, warehouse_id, priority, total_items)
    select order_id, fulfillment_id, warehouse_id, priority, total_items
    from unnest(${column(tasks, "order_id")}::bigint[], ${column(tasks, "fulfillment_id")}::bigint[],
      ${column(tasks, "warehouse_id")}::bigint[], ${column(tasks, "priority")}::text[],
      ${column(tasks, "total_items")}::int[]) with ordinality
      as task (order_id, fulfillment_id, warehouse_id, priority, total_items, ordinal)
    order by ordinal returning id`.execute(trx);
  return rows.map((row) => row.id).sort((a, b) => (a < b ? -1 : 1));
}

export interface NewPickingItem {
  task_id: bigint;
  order_item_id: bigint;
  reservation_id: bigint;
  listing_id: bigint;
  location_id: bigint;
  product_location_id: bigint;
  quantity: number;
  sequence: number;
}

export async function insertPickingItems(
  trx: Transaction,
  items: readonly NewPickingItem[],
): Promise<bigint[]> {
  if (items.length === 0) return [];
  const { rows } = await sql<{ id: bigint }>`
    insert into picking_task_items (task_id, order_item_id, reservation_id, listing_id, location_id, product_location_id,
      quantity_required, sequence)
    select task_id, order_item_id, reservation_id, listing_id, location_id, product_location_id, quantity, sequence
    from unnest(${column(items, "task_id")}::bigint[], ${column(items, "order_item_id")}::bigint[],
      ${column(items, "reservation_id")}::bigint[], ${column(items, "listing_id")}::bigint[],
      ${column(items, "location_id")}::bigint[], ${column(items, "product_location_id")}::bigint[],
      ${column(items, "quantity")}::int[], ${column(items, "sequence")}::int[]) with ordinality
      as item (task_id, order_item_id, reservation_id, listing_id, location_id, product_location_id, quantity, sequence, ordinal)
    order by ordinal returning id`.execute(trx);
  return rows.map((row) => row.id).sort((a, b) => (a < b ? -1 : 1));
}
