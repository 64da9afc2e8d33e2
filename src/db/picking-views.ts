import { sql } from "kysely";
import type { Database } from "./database.ts";
import {
  listPickingItems,
  type PickingItemRow,
  type PickingTaskRow,
  pickingTaskNotFound,
} from "./picking-tasks.ts";
import type { Transaction } from "./transaction.ts";

/** A picking task as callers see it. */
export interface PickingTaskView extends PickingTaskRow {
  items: readonly PickingItemRow[];
}

/** What became of a pick or a skip. The items that it names are among the task's. */
export interface PickAnswer {
  task: PickingTaskView;
  item_id: bigint;
  /** Null: no item is pending. */
  next_item_id: bigint | null;
  /** The items that replace units found missing. */
  replacement_ids: bigint[];
}

export async function pickingTaskView(db: Database | Transaction, task_id: bigint): Promise<PickingTaskView> {
  const [view] = await pickingTaskViews(db, [task_id]);
  if (!view) throw pickingTaskNotFound(task_id);
  return view;
}

/** In the order of the ids given, in two queries however many there are; those that do not exist are left out. */
export async function pickingTaskViews(
  db: Database | Transaction,
  ids: readonly bigint[],
): Promise<PickingTaskView[]> {
  if (ids.length === 0) return [];
  const { rows } = await sql<PickingTaskRow>`
    select * from picking_tasks where id = any(${ids}::bigint[])
    order by array_position(${ids}::bigint[], id)`.execute(db);
  const items = Map.groupBy(await listPickingItems(db, ids), (item) => item.task_id);
  return rows.map((task) => ({ ...task, items: items.get(task.id) ?? [] }));
}
