import { type Selectable, sql } from "kysely";
import { DomainError } from "../domain/errors.ts";
import type { PickingTaskItemStatus, Priority } from "../domain/vocabulary.ts";
import { column } from "./column.ts";
import type { Database } from "./database.ts";
import type { PickingTasks } from "./schema.ts";
import type { Transaction } from "./transaction.ts";

export type PickingTaskRow = Selectable<PickingTasks>;

/** `now`: the transaction's time, which its writes are stamped with. */
export type LockedPickingTask = PickingTaskRow & { now: Date };

export function pickingTaskNotFound(task_id: bigint): DomainError {
  return new DomainError("PICKING_TASK_NOT_FOUND", `no picking task ${task_id}`, { task_id });
}

export function pickingItemNotFound(task_id: bigint, item_id: bigint): DomainError {
  return new DomainError("PICKING_TASK_ITEM_NOT_FOUND", `picking task ${task_id} has no item ${item_id}`, {
    task_id,
    item_id,
  });
}

/** Read without a lock: which order to lock before the task. */
export async function findPickingOrder(db: Database, task_id: bigint): Promise<bigint> {
  const task = await db
    .selectFrom("picking_tasks")
    .select("order_id")
    .where("id", "=", task_id)
    .executeTakeFirst();
  if (!task) throw pickingTaskNotFound(task_id);
  return task.order_id;
}

/**
 * Locks tasks, in order; their items are locked with them, since whoever changes an item holds its task. Without
 * `wait`, tasks that another transaction holds are left out.
 */
export async function lockPickingTasks(
  trx: Transaction,
  task_ids: readonly bigint[],
  { wait } = { wait: true },
): Promise<LockedPickingTask[]> {
  const locking = wait ? sql`for update` : sql`for update skip locked`;
  const { rows } = await sql<LockedPickingTask>`
    select *, now() as now from picking_tasks where id = any(${task_ids}::bigint[]) order by id ${locking}`.execute(
    trx,
  );
  return rows;
}

export async function lockPickingTask(trx: Transaction, task_id: bigint): Promise<LockedPickingTask> {
  const [task] = await lockPickingTasks(trx, [task_id]);
  if (!task) throw pickingTaskNotFound(task_id);
  return task;
}

/** A picking item with what a picker must see of it, and what its reservation still holds. */
export interface PickingItemRow {
  id: bigint;
  task_id: bigint;
  order_item_id: bigint;
  reservation_id: bigint;
  listing_id: bigint;
  location_id: bigint;
  product_location_id: bigint;
  quantity_required: number;
  quantity_picked: number;
  open_quantity: number;
  status: PickingTaskItemStatus;
  sequence: number;
  picked_at: Date | null;
  notes: string | null;
  location_code: string;
  location_barcode: string;
  sku: string;
  name: string;
  barcodes: string[];
  lot_code: string | null;
  expires_on: string | null;
}

/** The items of these tasks, in walking order. */
export async function listPickingItems(
  db: Database | Transaction,
  task_ids: readonly bigint[],
): Promise<PickingItemRow[]> {
  if (task_ids.length === 0) return [];
  const { rows } = await sql<PickingItemRow>`/* hot: list_picking_items */
    select item.id, item.task_id, item.order_item_id, item.reservation_id, item.listing_id, item.location_id,
           item.product_location_id, item.quantity_required, item.quantity_picked, r.open_quantity, item.status,
           item.sequence, item.picked_at, item.notes, place.code as location_code, place.barcode as location_barcode,
           listing.sku, listing.name, listing.barcodes, lot.lot_code, lot.expires_on
    from picking_task_items item
    join wms_reservations r on r.id = item.reservation_id
    join locations place on place.id = item.location_id
    join listings listing on listing.listing_id = item.listing_id
    join product_locations lot on lot.id = item.product_location_id
    where item.task_id = any(${task_ids}::bigint[])
    order by item.task_id, item.sequence, item.id`.execute(db);
  return rows;
}

/** Gives the best pending task of a warehouse, by priority and then age, to a worker; others' claims are passed over. */
export async function claimPickingTask(
  trx: Transaction,
  warehouse_id: bigint,
  worker_id: bigint,
): Promise<PickingTaskRow | undefined> {
  const { rows } = await sql<PickingTaskRow>`
    with best as materialized (
      select id from picking_tasks where warehouse_id = ${warehouse_id} and status = 'pending'
      order by array_position(array['urgent', 'high', 'normal', 'low'], priority), id
      limit 1 for update skip locked
    )
    update picking_tasks task set status = 'assigned', worker_id = ${worker_id}, updated_at = now()
    from best where task.id = best.id returning task.*`.execute(trx);
  return rows[0];
}

export async function setPickingAssigned(
  trx: Transaction,
  task_id: bigint,
  worker_id: bigint,
): Promise<void> {
  await sql`update picking_tasks set status = 'assigned', worker_id = ${worker_id}, updated_at = now()
    where id = ${task_id}`.execute(trx);
}

export async function setPickingStarted(trx: Transaction, task_id: bigint): Promise<void> {
  await sql`update picking_tasks set status = 'in_progress', started_at = now(), updated_at = now()
    where id = ${task_id}`.execute(trx);
}

export async function setPickingCompleted(trx: Transaction, task_id: bigint): Promise<void> {
  await sql`update picking_tasks set status = 'completed', completed_at = now(), updated_at = now()
    where id = ${task_id}`.execute(trx);
}

export async function setPickingPriority(
  trx: Transaction,
  task_id: bigint,
  priority: Priority,
): Promise<void> {
  await sql`update picking_tasks set priority = ${priority} where id = ${task_id}`.execute(trx);
}

/** `handled`: the item was pending until now, so it counts as one more. */
export async function setItemSkipped(
  trx: Transaction,
  item: { id: bigint; task_id: bigint; handled: boolean },
  reason: string,
): Promise<void> {
  await sql`
    with item as (
      update picking_task_items set status = 'skipped', updated_at = now(),
        notes = concat_ws('; ', notes, nullif(${reason}::text, ''))
      where id = ${item.id}
    )
    update picking_tasks set picked_items = picked_items + ${item.handled ? 1 : 0}, updated_at = now()
    where id = ${item.task_id}`.execute(trx);
}

/** Numbers stops of a walk anew, and counts the items that it gained. */
export async function renumberItems(
  trx: Transaction,
  task_id: bigint,
  moved: readonly { id: bigint; sequence: number }[],
  gained: number,
): Promise<void> {
  await sql`
    with items as (
      update picking_task_items item set sequence = moved.sequence
      from unnest(${column(moved, "id")}::bigint[], ${column(moved, "sequence")}::int[]) as moved (id, sequence)
      where item.id = moved.id
    )
    update picking_tasks set total_items = total_items + ${gained}, updated_at = now() where id = ${task_id}`.execute(
    trx,
  );
}

export interface Place {
  location_id: bigint;
  pick_sequence: number;
  aisle: number;
  bay: number;
  level: number;
}

/** Where locations lie on the route. */
export async function listPlaces(
  trx: Transaction,
  location_ids: readonly bigint[],
): Promise<Map<bigint, Place>> {
  const { rows } = await sql<Place>`
    select id as location_id, pick_sequence, aisle, bay, level from locations
    where id = any(${[...new Set(location_ids)]}::bigint[])`.execute(trx);
  return new Map(rows.map((row) => [row.location_id, row]));
}

/** What an order has going in a warehouse, with its picking task. */
export async function findLiveFulfillment(
  trx: Transaction,
  order_id: bigint,
  warehouse_id: bigint,
): Promise<{ id: bigint; task_id: bigint | null } | undefined> {
  return trx
    .selectFrom("fulfillments as f")
    .leftJoin("picking_tasks as task", (join) =>
      join.onRef("task.fulfillment_id", "=", "f.id").on("task.status", "<>", "cancelled"),
    )
    .select(["f.id", "task.id as task_id"])
    .where("f.order_id", "=", order_id)
    .where("f.warehouse_id", "=", warehouse_id)
    .where("f.status", "<>", "cancelled")
    .orderBy("f.id", "desc")
    .executeTakeFirst();
}
