import type { Database } from "../../db/database.ts";
import { type Call, once } from "../../db/idempotency.ts";
import { appendEvents } from "../../db/outbox.ts";
import { lockPickingTask, setPickingAssigned } from "../../db/picking-tasks.ts";
import { type PickingTaskView, pickingTaskView } from "../../db/picking-views.ts";
import { event } from "../../domain/events.ts";
import { pickingTaskMachine } from "../../domain/machines.ts";
import { type Actor, assertOwnHands } from "../../domain/ownership.ts";
import { transition } from "../../domain/state-machine.ts";

/** Gives a pending task to a worker; a worker takes tasks for itself only. */
export async function assignPickingTask(
  db: Database,
  call: Call,
  { task_id, worker_id, actor }: { task_id: bigint; worker_id: bigint; actor: Actor },
): Promise<PickingTaskView> {
  assertOwnHands(actor, worker_id);
  return once(db, call, async (trx) => {
    const { status, order_id, warehouse_id } = await lockPickingTask(trx, task_id);
    transition(pickingTaskMachine, status, "assign", task_id);
    await setPickingAssigned(trx, task_id, worker_id);
    await appendEvents(trx, [event("picking.assigned", { task_id, order_id, warehouse_id, worker_id })]);
    return pickingTaskView(trx, task_id);
  });
}
