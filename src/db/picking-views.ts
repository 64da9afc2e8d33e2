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
  items: PickingItemRow[];
}

export async function pickingTaskView(db: Database | Transaction, task_id: bigint): Promise<PickingTaskView> {
  const [view] = await pickingTaskViews(db, [task_id]);
  if (!view) throw pickingTaskNotFound(task_id);
  return view;
}

/** By id; those that do not exist are left out. */
export async function pickingTaskViews(
  db: Database | Transaction,
  ids: readonly bigint[],
): Promise<PickingTaskView[]> {
  if (ids.length === 0) return [];
  const { rows } = await sql<PickingTaskRow>`
    select * from picking_tasks where id = any(${ids}::bigint[]) order by id`.execute(db);
  const items = Map.groupBy(await listPickingItems(db, ids), (item) => item.task_id);
  return rows.map((row) => ({ ...row, items: items.get(row.id) ?? [] }));
}

/** What a picker is told after a scan: the task as it stands now, and which of its items to look at. */
export interface PickAnswer {
  task: PickingTaskView;
  item_id: bigint;
  next_item_id: bigint | null;
  replacement_ids: bigint[];
}
