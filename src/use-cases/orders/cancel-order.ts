import type { Database } from "../../db/database.ts";
import { type Call, once } from "../../db/idempotency.ts";
import { findOrderWithShipments, type OrderWithShipments } from "../../db/order-views.ts";
import { lockOrders } from "../../db/orders.ts";
import { appendEvents } from "../../db/outbox.ts";
import type { Transaction } from "../../db/transaction.ts";
import { orderMachine } from "../../domain/machines.ts";
import { transition } from "../../domain/state-machine.ts";
import { type Cancellation, takeOrders } from "./take-orders.ts";

/**
 * CancelOrder: what `order.cancelled` does, with its answer. Cancelling a cancelled order returns it as it is; an order
 * of which everything was shipped can't be cancelled. Undefined: an unknown order, of which some units were cancelled;
 * that is remembered.
 */
export async function cancelOrder(
  db: Database,
  call: Call,
  cancellation: Cancellation,
): Promise<OrderWithShipments | undefined> {
  return once(db, call, async (trx) => {
    await refuseShipped(trx, cancellation.order_id);
    await appendEvents(trx, await takeOrders(trx, [], [cancellation]));
    return findOrderWithShipments(trx, cancellation.order_id);
  });
}

async function refuseShipped(trx: Transaction, order_id: bigint): Promise<void> {
  const [order] = await lockOrders(trx, [order_id]);
  if (order && order.status !== "cancelled") transition(orderMachine, order.status, "cancel", order_id);
}
