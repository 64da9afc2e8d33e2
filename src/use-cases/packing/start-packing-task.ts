import type { Database } from "../../db/database.ts";
import { type Call, once } from "../../db/idempotency.ts";
import { appendEvents } from "../../db/outbox.ts";
import { setPackingStarted } from "../../db/packing.ts";
import { type PackingTaskView, packingTaskView } from "../../db/packing-views.ts";
import { event } from "../../domain/events.ts";
import { packingTaskMachine } from "../../domain/machines.ts";
import { type Actor, assertOwnHands } from "../../domain/ownership.ts";
import { transition } from "../../domain/state-machine.ts";
import { advanceFulfillment, projectOrder } from "../orders/progress.ts";
import { lockTaskWithOrder } from "./lock-task.ts";

/** A worker begins to pack. A worker starts tasks for himself only. */
export async function startPackingTask(
  db: Database,
  call: Call,
  { task_id, worker_id, actor }: { task_id: bigint; worker_id: bigint; actor: Actor },
): Promise<PackingTaskView> {
  return once(db, call, async (trx) => {
    const task = await lockTaskWithOrder(trx, task_id);
    transition(packingTaskMachine, task.status, "start", task_id);
    assertOwnHands(actor, worker_id);
    await setPackingStarted(trx, task_id, worker_id);
    const moved = await advanceFulfillment(trx, task.fulfillment_id, "start_packing");
    const projected = await projectOrder(trx, task.order_id);
    const started = event("packing.started", { task_id, order_id: task.order_id, worker_id });
    await appendEvents(trx, [started, ...moved, ...projected]);
    return packingTaskView(trx, task_id);
  });
}
