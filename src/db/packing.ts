import { type Selectable, sql } from "kysely";
import { DomainError } from "../domain/errors.ts";
import type { Dimensions } from "../domain/parcel.ts";
import type { PackagingType, PackingTaskStatus, PickingTaskStatus, Priority } from "../domain/vocabulary.ts";
import type { Database } from "./database.ts";
import type { PackingTaskItems, PackingTasks } from "./schema.ts";
import type { Transaction } from "./transaction.ts";

export type PackingTaskRow = Selectable<PackingTasks>;
export type PackingItemRow = Selectable<PackingTaskItems>;

export function packingTaskNotFound(task_id: bigint): DomainError {
  return new DomainError("PACKING_TASK_NOT_FOUND", `no packing task ${task_id}`, { task_id });
}

/** Read without a lock: which order to lock before the task. */
export async function findPackingOrder(db: Database, task_id: bigint): Promise<bigint> {
  const task = await db
    .selectFrom("packing_tasks")
    .select("order_id")
    .where("id", "=", task_id)
    .executeTakeFirst();
  if (!task) throw packingTaskNotFound(task_id);
  return task.order_id;
}

export async function lockPackingTask(trx: Transaction, task_id: bigint): Promise<PackingTaskRow> {
  const task = await trx
    .selectFrom("packing_tasks")
    .selectAll()
    .where("id", "=", task_id)
    .forUpdate()
    .executeTakeFirst();
  if (!task) throw packingTaskNotFound(task_id);
  return task;
}

/** The items are locked by their task. */
export async function listPackingItems(trx: Transaction, task_id: bigint): Promise<PackingItemRow[]> {
  return trx
    .selectFrom("packing_task_items")
    .selectAll()
    .where("task_id", "=", task_id)
    .orderBy("id")
    .execute();
}

/** What a packing task is made from: a picking task, with how much it brought. */
export interface PickingSource {
  id: bigint;
  order_id: bigint;
  fulfillment_id: bigint;
  warehouse_id: bigint;
  status: PickingTaskStatus;
  priority: Priority;
}

export async function lockPickingSource(
  trx: Transaction,
  picking_task_id: bigint,
): Promise<PickingSource | undefined> {
  return trx
    .selectFrom("picking_tasks")
    .select(["id", "order_id", "fulfillment_id", "warehouse_id", "status", "priority"])
    .where("id", "=", picking_task_id)
    .forUpdate()
    .executeTakeFirst();
}

export async function findLivePackingTask(
  db: Database,
  picking_task_id: bigint,
): Promise<{ id: bigint; status: PackingTaskStatus } | undefined> {
  return db
    .selectFrom("packing_tasks")
    .select(["id", "status"])
    .where("picking_task_id", "=", picking_task_id)
    .where("status", "<>", "cancelled")
    .executeTakeFirst();
}

/**
 * Picking tasks of these orders that wait for their packing task. Goods of an order that goes whole or not at all are
 * held until nothing of it is missing or still to be picked.
 */
export async function listPackable(trx: Transaction, order_ids: readonly bigint[]): Promise<PickingSource[]> {
  const { rows } = await sql<PickingSource>`
    select task.id, task.order_id, task.fulfillment_id, task.warehouse_id, task.status, task.priority
    from picking_tasks task
    join fulfillments f on f.id = task.fulfillment_id and f.status = 'picked'
    join orders o on o.order_id = task.order_id
    where task.order_id = any(${order_ids}::bigint[]) and task.status = 'completed'
      and not exists (select from packing_tasks p where p.picking_task_id = task.id)
      and (o.policy <> 'reject' or (
        not exists (select from order_items i where i.order_id = o.order_id and i.shortage_quantity > 0)
        and not exists (select from fulfillments other where other.order_id = o.order_id
                        and other.status in ('pending', 'backordered', 'planning', 'picking'))))
    order by task.id`.execute(trx);
  return rows;
}

/** Makes the packing task of a picking task, one item an order line that anything was picked of; undefined: of none. */
export async function insertPackingTask(
  trx: Transaction,
  source: PickingSource,
): Promise<bigint | undefined> {
  const { rows } = await sql<{ id: bigint }>`
    with picked as (
      select order_item_id, listing_id, sum(quantity_picked)::int as quantity
      from picking_task_items where task_id = ${source.id} and quantity_picked > 0
      group by order_item_id, listing_id
    ), task as (
      insert into packing_tasks (order_id, fulfillment_id, picking_task_id, warehouse_id, priority)
      select ${source.order_id}, ${source.fulfillment_id}, ${source.id}, ${source.warehouse_id}, ${source.priority}
      where exists (select from picked)
      returning id
    ), items as (
      insert into packing_task_items (task_id, order_item_id, listing_id, quantity)
      select task.id, order_item_id, listing_id, quantity from task, picked order by order_item_id
    )
    select id from task`.execute(trx);
  return rows[0]?.id;
}

export async function setPackingStarted(trx: Transaction, task_id: bigint, worker_id: bigint): Promise<void> {
  await sql`update packing_tasks set status = 'in_progress', worker_id = ${worker_id}, started_at = now(), updated_at = now()
    where id = ${task_id}`.execute(trx);
}

export async function setPackedQuantity(
  trx: Transaction,
  item_id: bigint,
  packed_quantity: number,
): Promise<void> {
  await sql`update packing_task_items set packed_quantity = ${packed_quantity}, updated_at = now(),
      status = case when quantity = ${packed_quantity} then 'fully_packed' else 'pending' end
    where id = ${item_id}`.execute(trx);
}

export async function setPackageDetails(
  trx: Transaction,
  task_id: bigint,
  details: Dimensions & { packaging_type: PackagingType },
): Promise<void> {
  await sql`update packing_tasks set weight = ${details.weight}, length = ${details.length}, width = ${details.width},
      height = ${details.height}, packaging_type = ${details.packaging_type}, updated_at = now()
    where id = ${task_id}`.execute(trx);
}

/** Closes the parcel: what was not counted into it one by one is in it now. */
export async function setPacked(trx: Transaction, task_id: bigint): Promise<void> {
  await sql`
    with items as (
      update packing_task_items set packed_quantity = quantity, status = 'fully_packed', updated_at = now()
      where task_id = ${task_id} and status <> 'fully_packed'
    )
    update packing_tasks set status = 'packed', packed_at = now(), updated_at = now() where id = ${task_id}`.execute(
    trx,
  );
}

/** The label that a task shows is no longer its own. */
export async function clearTaskLabel(trx: Transaction, fulfillment_id: bigint): Promise<void> {
  await sql`update packing_tasks set tracking_number = null, label_url = null, updated_at = now()
    where fulfillment_id = ${fulfillment_id} and status = 'packed'`.execute(trx);
}

/** The task shows the label and number of its fulfillment's first live shipment. */
export async function showTaskLabel(trx: Transaction, fulfillment_id: bigint): Promise<void> {
  await sql`
    update packing_tasks task set tracking_number = s.tracking_number, label_url = s.label_url, updated_at = now()
    from (select tracking_number, label_url from shipments
          where fulfillment_id = ${fulfillment_id} and status <> 'cancelled' order by id limit 1) s
    where task.fulfillment_id = ${fulfillment_id} and task.status = 'packed'`.execute(trx);
}
