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
    .map((order) => ({ order, from: order.status, to: projectOrderStatus(order), reason }))
    .filter(({ from, to }) => to !== from);
  await updateOrderStatuses(
    trx,
    changes.map(({ order, to }) => ({
      order_id: order.order_id,
      status: to,
      reason: to === "cancelled" ? reason : null,
    })),
  );
  return changes.flatMap(orderChanged);
}

interface OrderChange {
  /** An order of which only the cancellation has come has no storefront yet. */
  order: { order_id: bigint; storefront_id?: bigint | null; delivered_at?: Date | null };
  from: OrderStatus;
  to: OrderStatus;
  reason: string | null;
}

/** order.status_changed, and delivery.confirmed when the carriers have delivered everything. */
export function orderChanged({ order, from, to, reason }: OrderChange): DomainEvent[] {
  const { order_id, storefront_id, delivered_at } = order;
  const changed = event("order.status_changed", {
    order_id,
    storefront_id,
    from_status: from,
    to_status: to,
    status: to,
    reason: to === "cancelled" ? reason : null,
  });
  if (to !== "delivered") return [changed];
  return [changed, event("delivery.confirmed", { order_id, delivered_at: unixSeconds(delivered_at) })];
}

function unixSeconds(time: Date | null | undefined): number | null {
  return time ? Math.floor(time.getTime() / 1000) : null;
}
