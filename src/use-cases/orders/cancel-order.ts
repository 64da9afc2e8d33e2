import { findSentShipment, listUnshippedFulfillments } from "../../db/cancellation.ts";
import type { Database } from "../../db/database.ts";
import { type Call, once } from "../../db/idempotency.ts";
import { findOrderWithShipments, type OrderWithShipments } from "../../db/order-views.ts";
import { lockOrders } from "../../db/orders.ts";
import { appendEvents } from "../../db/outbox.ts";
import type { Transaction } from "../../db/transaction.ts";
import { orderMachine } from "../../domain/machines.ts";
import { transition } from "../../domain/state-machine.ts";
import { sentAlready } from "./cancel-fulfillment.ts";
import { type Cancellation, takeOrders } from "./take-orders.ts";

/**
 * CancelOrder: what `order.cancelled` does, with its answer. Cancelling a cancelled order returns it as it is; an order
 * of which nothing can be stopped any more can't be cancelled. Undefined: an unknown order, of which some units were
 * cancelled; that is remembered.
 */
export async function cancelOrder(
  db: Database,
  call: Call,
  cancellation: Cancellation,
): Promise<OrderWithShipments | undefined> {
  return once(db, call, async (trx) => {
    await refuseShipped(trx, cancellation);
    await appendEvents(trx, await takeOrders(trx, [], [cancellation]));
    return findOrderWithShipments(trx, cancellation.order_id);
  });
}

async function refuseShipped(trx: Transaction, { order_id, items }: Cancellation): Promise<void> {
  const [order] = await lockOrders(trx, [order_id]);
  if (!order || order.status === "cancelled") return;
  transition(orderMachine, order.status, "cancel", order_id);
  const sent = items.length === 0 ? await findSentShipment(trx, order_id) : undefined;
  if (!sent || (await listUnshippedFulfillments(trx, [order_id])).length > 0) return;
  throw sentAlready({ resource: "order", id: order_id, from: order.status }, sent);
}
