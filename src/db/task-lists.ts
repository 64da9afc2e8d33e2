import { sql } from "kysely";
import type { PackingTaskStatus, PickingTaskStatus, Priority } from "../domain/vocabulary.ts";
import type { Database } from "./database.ts";
import type { Transaction } from "./transaction.ts";

type TaskTable = "picking_tasks" | "packing_tasks";

export interface TaskFilter<Status extends string> {
  warehouse_id?: bigint | undefined;
  worker_id?: bigint | undefined;
  /** Empty: all. */
  statuses: readonly Status[];
  priority?: Priority | undefined;
  order_id?: bigint | undefined;
}

interface Page {
  size: number;
  /** The id that the caller has seen last; 0: none. */
  after: bigint;
}

/** Newest first; the page begins below the id that the caller has seen last. */
export function listPickingTaskIds(
  db: Database,
  filter: TaskFilter<PickingTaskStatus>,
  page: Page,
): Promise<bigint[]> {
  return listTaskIds(db, "picking_tasks", filter, page);
}

/** Newest first; the page begins below the id that the caller has seen last. */
export function listPackingTaskIds(
  db: Database,
  filter: TaskFilter<PackingTaskStatus>,
  page: Page,
): Promise<bigint[]> {
  return listTaskIds(db, "packing_tasks", filter, page);
}

async function listTaskIds(
  db: Database,
  table: TaskTable,
  filter: TaskFilter<string>,
  page: Page,
): Promise<bigint[]> {
  const conditions = [
    page.after > 0n && sql`id < ${page.after}`,
    filter.warehouse_id !== undefined && sql`warehouse_id = ${filter.warehouse_id}`,
    filter.worker_id !== undefined && sql`worker_id = ${filter.worker_id}`,
    filter.order_id !== undefined && sql`order_id = ${filter.order_id}`,
    filter.priority !== undefined && sql`priority = ${filter.priority}`,
    filter.statuses.length > 0 && sql`status = any(${filter.statuses}::text[])`,
  ].filter((condition) => condition !== false);
  const { rows } = await sql<{ id: bigint }>`
    select id from ${sql.table(table)} where ${sql.join([sql`true`, ...conditions], sql` and `)}
    order by id desc limit ${page.size}`.execute(db);
  return rows.map((row) => row.id);
}

/** An order's newest picking task that lives, or else its newest cancelled one. */
export function findPickingTaskOfOrder(
  db: Database | Transaction,
  order_id: bigint,
  warehouse_id?: bigint,
): Promise<{ id: bigint; status: PickingTaskStatus } | undefined> {
  return findTaskOfOrder(db, "picking_tasks", order_id, warehouse_id);
}

/** An order's newest packing task that lives, or else its newest cancelled one. */
export function findPackingTaskOfOrder(
  db: Database | Transaction,
  order_id: bigint,
  warehouse_id?: bigint,
): Promise<{ id: bigint; status: PackingTaskStatus } | undefined> {
  return findTaskOfOrder(db, "packing_tasks", order_id, warehouse_id);
}

async function findTaskOfOrder<Status extends string>(
  db: Database | Transaction,
  table: TaskTable,
  order_id: bigint,
  warehouse_id: bigint | undefined,
): Promise<{ id: bigint; status: Status } | undefined> {
  const { rows } = await sql<{ id: bigint; status: Status }>`
    select id, status from ${sql.table(table)}
    where order_id = ${order_id}
      and (${warehouse_id ?? null}::bigint is null or warehouse_id = ${warehouse_id ?? null}::bigint)
    order by status = 'cancelled', id desc limit 1`.execute(db);
  return rows[0];
}
