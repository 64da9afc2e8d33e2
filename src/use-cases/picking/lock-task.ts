import { lockOrder, type OrderRow } from "../../db/orders.ts";
import { findPickingOrder, type LockedPickingTask, lockPickingTask } from "../../db/picking-tasks.ts";
import type { Transaction } from "../../db/transaction.ts";

/** Locks a task whose order will follow it: the order first. */
export async function lockTaskWithOrder(
  trx: Transaction,
  task_id: bigint,
): Promise<{ order: OrderRow; task: LockedPickingTask }> {
  const order = await lockOrder(trx, await findPickingOrder(trx, task_id));
  return { order, task: await lockPickingTask(trx, task_id) };
}
