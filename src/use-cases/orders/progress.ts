import {
  listFulfillmentRows,
  listOrderParts,
  updateFulfillments,
  updateOrderStatuses,
} from "../../db/fulfillments.ts";
import type { Transaction } from "../../db/transaction.ts";
import { DomainError } from "../../domain/errors.ts";
import { type DomainEvent, event } from "../../domain/events.ts";
import { fulfillmentMachine } from "../../domain/machines.ts";
import { projectOrderStatus } from "../../domain/order-status.ts";
import { type ActionOf, transition } from "../../domain/state-machine.ts";
import type { FulfillmentStatus, OrderStatus } from "../../domain/vocabulary.ts";

/** Moves a fulfillment along. Its order's row must be locked. */
export async function advanceFulfillment(
  trx: Transaction,
  fulfillment_id: bigint,
  action: ActionOf<typeof fulfillmentMachine>,
): Promise<DomainEvent[]> {
  const [fulfillment] = await listFulfillmentRows(trx, [fulfillment_id]);
  if (!fulfillment)
    throw new DomainError("FULFILLMENT_NOT_FOUND", `no fulfillment ${fulfillment_id}`, { fulfillment_id });
  const status = transition(fulfillmentMachine, fulfillment.status, action, fulfillment.id);
  await updateFulfillments(trx, [{ id: fulfillment.id, status }]);
  return [fulfillmentChanged(fulfillment, fulfillment.status, status)];
}

export function fulfillmentChanged(
  fulfillment: { id: bigint; order_id: bigint; warehouse_id: bigint | null },
  from: FulfillmentStatus,
  to: FulfillmentStatus,
): DomainEvent {
  return event("fulfillment.status_changed", {
    fulfillment_id: fulfillment.id,
    order_id: fulfillment.order_id,
    warehouse_id: fulfillment.warehouse_id,
    from_status: from,
    to_status: to,
  });
}

/** Lets an order's status follow its parts; call it once, after they were changed. The order's row must be locked. */
export function projectOrder(trx: Transaction, order_id: bigint): Promise<DomainEvent[]> {
  return projectOrders(trx, [order_id]);
}

export async function projectOrders(
  trx: Transaction,
  order_ids: readonly bigint[],
  reason: string | null = null,
): Promise<DomainEvent[]> {
  const parts = await listOrderParts(trx, order_ids);
  const changes = parts
    .map((order) => ({
      order_id: order.order_id,
      from: order.status,
      status: projectOrderStatus(order),
      reason,
    }))
    .filter((change) => change.status !== change.from);
  await updateOrderStatuses(
    trx,
    changes.map(({ order_id, status }) => ({
      order_id,
      status,
      reason: status === "cancelled" ? reason : null,
    })),
  );
  return changes.flatMap(({ order_id, from, status }) => orderChanged(order_id, from, status, reason));
}

/** order.status_changed, and delivery.confirmed when the carriers have delivered everything. */
export function orderChanged(
  order_id: bigint,
  from: OrderStatus,
  to: OrderStatus,
  reason: string | null,
): DomainEvent[] {
  const changed = event("order.status_changed", {
    order_id,
    from_status: from,
    to_status: to,
    status: to,
    reason: to === "cancelled" ? reason : null,
  });
  return to === "delivered" ? [changed, event("delivery.confirmed", { order_id })] : [changed];
}
