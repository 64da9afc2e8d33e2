import { lockOrder } from "../../db/orders.ts";
import { findPackingOrder, lockPackingTask, type PackingTaskRow } from "../../db/packing.ts";
import type { Transaction } from "../../db/transaction.ts";
import { DomainError } from "../../domain/errors.ts";
import { type Actor, assertOwnTask } from "../../domain/ownership.ts";

/** Locks a task whose order will follow it: the order first. */
export async function lockTaskWithOrder(trx: Transaction, task_id: bigint): Promise<PackingTaskRow> {
  await lockOrder(trx, await findPackingOrder(trx, task_id));
  return lockPackingTask(trx, task_id);
}

/** Locks a task that is being packed, for its packer. */
export async function lockTaskInProgress(
  trx: Transaction,
  input: { task_id: bigint; actor: Actor },
  action: string,
): Promise<PackingTaskRow> {
  const task = await lockPackingTask(trx, input.task_id);
  if (task.status !== "in_progress") throw notInProgress(task, action);
  assertOwnTask(input.actor, task);
  return task;
}

/** These actions change what is in the parcel, not the task's status; the machine has no edge for them. */
function notInProgress({ id, status }: PackingTaskRow, action: string): DomainError {
  return new DomainError(
    "ILLEGAL_TRANSITION",
    `packing task ${id} is ${status}: ${action.replaceAll("_", " ")} needs it to be in_progress`,
    { resource: "packing_task", id, from: status, to: status, action, allowed_from: "in_progress" },
  );
}
