import type { Database } from "../../db/database.ts";
import { type Call, once } from "../../db/idempotency.ts";
import { appendEvents } from "../../db/outbox.ts";
import { type PickingTaskView, pickingTaskView } from "../../db/picking-views.ts";
import { pickingTaskMachine } from "../../domain/machines.ts";
import { transition } from "../../domain/state-machine.ts";
import { cancelFulfillment } from "../orders/cancel-fulfillment.ts";
import { projectOrders } from "../orders/progress.ts";
import { openPacking } from "../packing/open-packing.ts";
import { lockTaskWithOrder } from "./lock-task.ts";

/**
 * Ends a task, and with it what its order was to get from this warehouse. Picked goods go to the put-back place. What
 * another warehouse has picked, and held for these goods, goes to its packers.
 */
export async function cancelPickingTask(
  db: Database,
  call: Call,
  { task_id, reason }: { task_id: bigint; reason: string },
): Promise<PickingTaskView> {
  return once(db, call, async (trx) => {
    const { task } = await lockTaskWithOrder(trx, task_id);
    transition(pickingTaskMachine, task.status, "cancel", task_id);
    const cancelled = await cancelFulfillment(trx, task.fulfillment_id, reason);
    const packing = await openPacking(trx, [task.order_id]);
    const projected = await projectOrders(trx, [task.order_id], reason);
    await appendEvents(trx, [...cancelled, ...packing, ...projected]);
    return pickingTaskView(trx, task_id);
  });
}
