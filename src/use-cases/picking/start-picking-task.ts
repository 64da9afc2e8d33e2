import type { Database } from "../../db/database.ts";
import { type Call, once } from "../../db/idempotency.ts";
import { appendEvents } from "../../db/outbox.ts";
import { setPickingStarted } from "../../db/picking-tasks.ts";
import { type PickingTaskView, pickingTaskView } from "../../db/picking-views.ts";
import { event } from "../../domain/events.ts";
import { pickingTaskMachine } from "../../domain/machines.ts";
import { type Actor, assertOwnTask } from "../../domain/ownership.ts";
import { transition } from "../../domain/state-machine.ts";
import { advanceFulfillment, projectOrder } from "../orders/progress.ts";
import { lockTaskWithOrder } from "./lock-task.ts";

/** The picker sets out. */
export async function startPickingTask(
  db: Database,
  call: Call,
  { task_id, actor }: { task_id: bigint; actor: Actor },
): Promise<PickingTaskView> {
  return once(db, call, async (trx) => {
    const { task } = await lockTaskWithOrder(trx, task_id);
    transition(pickingTaskMachine, task.status, "start", task_id);
    assertOwnTask(actor, task);
    await setPickingStarted(trx, task_id);
    const { order_id, warehouse_id, worker_id } = task;
    const started = event("picking.started", { task_id, order_id, warehouse_id, worker_id });
    const picking = await advanceFulfillment(trx, task.fulfillment_id, "start_picking");
    await appendEvents(trx, [started, ...picking, ...(await projectOrder(trx, order_id))]);
    return pickingTaskView(trx, task_id);
  });
}
