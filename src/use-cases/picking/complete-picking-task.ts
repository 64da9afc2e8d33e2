import type { Database } from "../../db/database.ts";
import { type Call, once } from "../../db/idempotency.ts";
import type { OrderRow } from "../../db/orders.ts";
import { appendEvents } from "../../db/outbox.ts";
import {
  listPickingItems,
  type PickingItemRow,
  type PickingTaskRow,
  setPickingCompleted,
} from "../../db/picking-tasks.ts";
import { type PickingTaskView, pickingTaskView } from "../../db/picking-views.ts";
import { releaseReservations } from "../../db/reservations.ts";
import { lockListings, lockLotsById, wakeBackorders } from "../../db/stock.ts";
import type { Transaction } from "../../db/transaction.ts";
import { type DomainEvent, event } from "../../domain/events.ts";
import { pickingTaskMachine } from "../../domain/machines.ts";
import { type Actor, assertOwnTask } from "../../domain/ownership.ts";
import { assertAllHandled } from "../../domain/picking.ts";
import { transition } from "../../domain/state-machine.ts";
import { cancelFulfillment } from "../orders/cancel-fulfillment.ts";
import { launchFulfillments } from "../orders/launch-fulfillments.ts";
import { advanceFulfillment, projectOrder } from "../orders/progress.ts";
import { stockEvents } from "../orders/promise-stock.ts";
import { openPacking } from "../packing/open-packing.ts";
import { lockTaskWithOrder } from "./lock-task.ts";

/**
 * The picker is back: what was picked goes to packing. What was left on the shelves is for sale again and its order
 * lines wait for it; of nothing picked there is no parcel, and the fulfillment ends here.
 */
export async function completePickingTask(
  db: Database,
  call: Call,
  { task_id, actor }: { task_id: bigint; actor: Actor },
): Promise<PickingTaskView> {
  return once(db, call, async (trx) => {
    const { order, task } = await lockTaskWithOrder(trx, task_id);
    transition(pickingTaskMachine, task.status, "complete", task_id);
    assertOwnTask(actor, task);
    const items = await listPickingItems(trx, [task_id]);
    assertAllHandled(task_id, items);
    const left = items.filter((item) => item.open_quantity > 0);
    const released = await releaseLeft(trx, left);
    await setPickingCompleted(trx, task_id);
    const { order_id, warehouse_id, worker_id } = task;
    const completed = event("picking.completed", { task_id, order_id, warehouse_id, worker_id });
    const waiting = left.length > 0 ? await launchFulfillments(trx, [order_id]) : [];
    const packing = await handOver(
      trx,
      order,
      task,
      items.some((item) => item.quantity_picked > 0),
    );
    const projected = await projectOrder(trx, order_id);
    await wakeBackorders(
      trx,
      left.map((item) => item.listing_id),
    );
    await appendEvents(trx, [completed, ...released, ...waiting, ...packing, ...projected]);
    return pickingTaskView(trx, task_id);
  });
}

/** Ends what short and skipped items still hold. */
async function releaseLeft(trx: Transaction, left: readonly PickingItemRow[]): Promise<DomainEvent[]> {
  if (left.length === 0) return [];
  await lockListings(
    trx,
    left.map((item) => item.listing_id),
  );
  await lockLotsById(
    trx,
    left.map((item) => item.product_location_id),
  );
  const released = await releaseReservations(
    trx,
    left.map((item) => ({ reservation_id: item.reservation_id, quantity: item.open_quantity })),
  );
  return stockEvents("inventory.released", released, { reason: "not picked" });
}

/**
 * Of nothing picked there is no parcel: the fulfillment ends here, with the shipments that were ordered for it, and its
 * units wait in another one.
 */
async function handOver(
  trx: Transaction,
  order: OrderRow,
  task: PickingTaskRow,
  picked: boolean,
): Promise<DomainEvent[]> {
  const advanced = picked
    ? await advanceFulfillment(trx, task.fulfillment_id, "complete_picking")
    : await cancelFulfillment(trx, task.fulfillment_id, "nothing was picked");
  return [...advanced, ...(await openPacking(trx, [order.order_id]))];
}
