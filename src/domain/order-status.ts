import type { FulfillmentStatus, OrderStatus, ShipmentStatus } from "./machines.ts";

/** Rank of the live order statuses; `cancelled` stands apart. */
const RANK: Record<Exclude<OrderStatus, "cancelled">, number> = {
  confirmed: 0,
  processing: 1,
  ready_for_shipment: 2,
  shipped: 3,
  delivered: 4,
};

const OF_FULFILLMENT: Record<Exclude<FulfillmentStatus, "cancelled">, Exclude<OrderStatus, "cancelled">> = {
  pending: "confirmed",
  backordered: "confirmed",
  planning: "processing",
  picking: "processing",
  picked: "processing",
  packing: "processing",
  packed: "processing",
  ready: "ready_for_shipment",
  shipped: "shipped",
  completed: "shipped",
};

export interface OrderParts {
  status: OrderStatus;
  fulfillments: readonly FulfillmentStatus[];
  /** Statuses of the order's shipments that were not cancelled. */
  shipments: readonly ShipmentStatus[];
}

/**
 * The status that the order must show, given its parts: the lowest rank among the live fulfillments, never below what
 * it already shows. `delivered` only when carriers said so of every shipment; `completed` alone never means it.
 */
export function projectOrderStatus(order: OrderParts): OrderStatus {
  if (order.status === "cancelled" || order.status === "delivered") return order.status;
  const live = order.fulfillments.filter((status) => status !== "cancelled");
  if (live.length === 0) return everythingCancelled(order);
  const lowest = live.map((status) => OF_FULFILLMENT[status]).reduce((a, b) => (RANK[a] <= RANK[b] ? a : b));
  const projected = lowest === "shipped" && allDelivered(order.shipments) ? "delivered" : lowest;
  return RANK[projected] > RANK[order.status] ? projected : order.status;
}

/** A parcel that somebody sent past the book is with its carrier all the same: such an order is not cancelled. */
function everythingCancelled(order: OrderParts): OrderStatus {
  if (order.fulfillments.length === 0) return order.status;
  const sent = order.shipments.some((status) => status !== "ready");
  if (!sent && order.status !== "shipped") return "cancelled";
  return allDelivered(order.shipments) ? "delivered" : "shipped";
}

function allDelivered(shipments: readonly ShipmentStatus[]): boolean {
  return shipments.length > 0 && shipments.every((status) => status === "delivered");
}
