import type { Database } from "../../db/database.ts";
import { type Call, once } from "../../db/idempotency.ts";
import { lockOrder } from "../../db/orders.ts";
import { appendEvents } from "../../db/outbox.ts";
import {
  findLivePackingTask,
  insertPackingTask,
  lockPickingSource,
  type PickingSource,
} from "../../db/packing.ts";
import { type PackingTaskView, packingTaskView } from "../../db/packing-views.ts";
import { findPickingOrder, pickingTaskNotFound } from "../../db/picking-tasks.ts";
import type { Transaction } from "../../db/transaction.ts";
import { DomainError } from "../../domain/errors.ts";
import { event } from "../../domain/events.ts";

/**
 * The packing task of a completed picking task. Completion makes it by itself: while nobody has begun to pack, asking
 * for it returns it; once somebody has, it is PACKING_TASK_EXISTS.
 */
export async function createPackingTask(
  db: Database,
  call: Call,
  { picking_task_id }: { picking_task_id: bigint },
): Promise<PackingTaskView> {
  return once(db, call, async (trx) => {
    const source = await lockSource(trx, picking_task_id);
    const existing = await findLivePackingTask(trx, picking_task_id);
    if (existing?.status === "pending") return packingTaskView(trx, existing.id);
    if (existing) throw packingTaskExists(picking_task_id, existing);
    const task_id = await insertPackingTask(trx, source);
    if (task_id === undefined) throw nothingPicked(picking_task_id);
    const { order_id, warehouse_id } = source;
    await appendEvents(trx, [event("packing.created", { task_id, order_id, warehouse_id, picking_task_id })]);
    return packingTaskView(trx, task_id);
  });
}

async function lockSource(trx: Transaction, picking_task_id: bigint): Promise<PickingSource> {
  await lockOrder(trx, await findPickingOrder(trx, picking_task_id));
  const source = await lockPickingSource(trx, picking_task_id);
  if (!source) throw pickingTaskNotFound(picking_task_id);
  if (source.status !== "completed") throw notCompleted(source);
  return source;
}

function notCompleted({ id, status }: PickingSource): DomainError {
  return new DomainError(
    "ILLEGAL_TRANSITION",
    `picking task ${id} is ${status}: create packing task needs it to be completed`,
    {
      resource: "picking_task",
      id,
      from: status,
      to: status,
      action: "create_packing_task",
      allowed_from: "completed",
    },
  );
}

function packingTaskExists(
  picking_task_id: bigint,
  { id, status }: { id: bigint; status: string },
): DomainError {
  return new DomainError(
    "PACKING_TASK_EXISTS",
    `picking task ${picking_task_id} has packing task ${id}, which is ${status}: a new one needs it to be cancelled`,
    { picking_task_id, task_id: id, status },
  );
}

function nothingPicked(picking_task_id: bigint): DomainError {
  return new DomainError(
    "NOTHING_PICKED",
    `picking task ${picking_task_id} brought nothing: there is nothing to pack`,
    {
      task_id: picking_task_id,
    },
  );
}
