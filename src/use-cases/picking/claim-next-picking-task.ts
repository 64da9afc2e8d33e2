import { findUnknownWarehouse } from "../../db/catalogue.ts";
import type { Database } from "../../db/database.ts";
import { type Call, once } from "../../db/idempotency.ts";
import { appendEvents } from "../../db/outbox.ts";
import { claimPickingTask } from "../../db/picking-tasks.ts";
import { type PickingTaskView, pickingTaskView } from "../../db/picking-views.ts";
import type { Transaction } from "../../db/transaction.ts";
import { DomainError } from "../../domain/errors.ts";
import { event } from "../../domain/events.ts";
import { type Actor, assertOwnHands } from "../../domain/ownership.ts";

/** Gives a worker the most urgent pending task of the warehouse, the oldest of them first; never the same to two. */
export async function claimNextPickingTask(
  db: Database,
  call: Call,
  { warehouse_id, worker_id, actor }: { warehouse_id: bigint; worker_id: bigint; actor: Actor },
): Promise<PickingTaskView> {
  assertOwnHands(actor, worker_id);
  return once(db, call, async (trx) => {
    const task = await claimPickingTask(trx, warehouse_id, worker_id);
    if (!task) throw await nothingWaits(trx, warehouse_id);
    const { id: task_id, order_id } = task;
    await appendEvents(trx, [event("picking.assigned", { task_id, order_id, warehouse_id, worker_id })]);
    return pickingTaskView(trx, task_id);
  });
}

async function nothingWaits(trx: Transaction, warehouse_id: bigint): Promise<DomainError> {
  const unknown = await findUnknownWarehouse(trx, [warehouse_id]);
  if (unknown !== undefined)
    return new DomainError("WAREHOUSE_NOT_FOUND", `no warehouse ${warehouse_id}`, { warehouse_id });
  return new DomainError("NO_TASK_WAITING", `no picking task is pending in warehouse ${warehouse_id}`, {
    warehouse_id,
  });
}
