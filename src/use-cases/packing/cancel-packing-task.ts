import type { Database } from "../../db/database.ts";
import { type Call, once } from "../../db/idempotency.ts";
import { appendEvents } from "../../db/outbox.ts";
import { type PackingTaskView, packingTaskView } from "../../db/packing-views.ts";
import { packingTaskMachine } from "../../domain/machines.ts";
import { transition } from "../../domain/state-machine.ts";
import { cancelFulfillment } from "../orders/cancel-fulfillment.ts";
import { projectOrder } from "../orders/progress.ts";
import { lockTaskWithOrder } from "./lock-task.ts";

/** Ends a task, and its fulfillment with it: goods to the put-back place, shipments cancelled, labels voided. */
export async function cancelPackingTask(
  db: Database,
  call: Call,
  { task_id, reason }: { task_id: bigint; reason: string },
): Promise<PackingTaskView> {
  return once(db, call, async (trx) => {
    const task = await lockTaskWithOrder(trx, task_id);
    transition(packingTaskMachine, task.status, "cancel", task_id);
    const cancelled = await cancelFulfillment(trx, task.fulfillment_id, reason);
    const projected = await projectOrder(trx, task.order_id);
    await appendEvents(trx, [...cancelled, ...projected]);
    return packingTaskView(trx, task_id);
  });
}
