import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  type FulfillmentSchema,
  FulfillmentStatus,
  OrderPolicy,
  type OrderSchema,
  OrderStatus,
} from "../../gen/wms/v1/orders_pb.js";
import type { FulfillmentView, OrderView } from "../db/order-views.ts";
import type { ShipmentView } from "../db/shipment-views.ts";
import type * as words from "../domain/vocabulary.ts";
import { addressMessage } from "./address-messages.ts";
import { shipmentMessage } from "./shipment-messages.ts";
import { parseWord, priorityMessage } from "./vocabulary-messages.ts";

export const ORDER_STATUSES = {
  confirmed: OrderStatus.CONFIRMED,
  processing: OrderStatus.PROCESSING,
  ready_for_shipment: OrderStatus.READY_FOR_SHIPMENT,
  shipped: OrderStatus.SHIPPED,
  delivered: OrderStatus.DELIVERED,
  cancelled: OrderStatus.CANCELLED,
} satisfies Record<words.OrderStatus, OrderStatus>;

export const FULFILLMENT_STATUSES = {
  pending: FulfillmentStatus.PENDING,
  planning: FulfillmentStatus.PLANNING,
  picking: FulfillmentStatus.PICKING,
  picked: FulfillmentStatus.PICKED,
  packing: FulfillmentStatus.PACKING,
  packed: FulfillmentStatus.PACKED,
  ready: FulfillmentStatus.READY,
  shipped: FulfillmentStatus.SHIPPED,
  completed: FulfillmentStatus.COMPLETED,
  cancelled: FulfillmentStatus.CANCELLED,
  backordered: FulfillmentStatus.BACKORDERED,
} satisfies Record<words.FulfillmentStatus, FulfillmentStatus>;

const POLICIES = {
  backorder: OrderPolicy.BACKORDER,
  partial: OrderPolicy.PARTIAL,
  reject: OrderPolicy.REJECT,
} satisfies Record<words.OrderPolicy, OrderPolicy>;

export function parsePolicy(value: OrderPolicy): words.OrderPolicy {
  if (value === OrderPolicy.UNSPECIFIED) return "backorder";
  return parseWord(POLICIES, "policy", value);
}

export function orderMessage(
  order: OrderView,
  shipments: readonly ShipmentView[],
): MessageInitShape<typeof OrderSchema> {
  return {
    orderId: order.order_id,
    orderNumber: order.order_number,
    storefrontId: order.storefront_id,
    status: ORDER_STATUSES[order.status],
    priority: priorityMessage(order.priority),
    policy: POLICIES[order.policy],
    shipTo: addressMessage(order.ship_to),
    items: order.items.map((item) => ({
      id: item.id,
      lineNumber: item.line_number,
      listingId: item.listing_id,
      warehouseId: item.warehouse_id ?? 0n,
      quantity: item.quantity,
      cancelledQuantity: item.cancelled_quantity,
      allocatedQuantity: item.allocated_quantity,
      pickedQuantity: item.picked_quantity,
      shippedQuantity: item.shipped_quantity,
      shortageQuantity: item.shortage_quantity,
    })),
    fulfillments: order.fulfillments.map((fulfillment) => fulfillmentMessage(fulfillment, shipments)),
    ...(order.confirmed_at ? { confirmedAt: timestampFromDate(order.confirmed_at) } : {}),
    ...(order.cancelled_at ? { cancelledAt: timestampFromDate(order.cancelled_at) } : {}),
    cancellationReason: order.cancellation_reason ?? "",
    createdAt: timestampFromDate(order.created_at),
    updatedAt: timestampFromDate(order.updated_at),
  };
}

export function fulfillmentMessage(
  fulfillment: FulfillmentView,
  shipments: readonly ShipmentView[],
): MessageInitShape<typeof FulfillmentSchema> {
  return {
    id: fulfillment.id,
    orderId: fulfillment.order_id,
    warehouseId: fulfillment.warehouse_id ?? 0n,
    status: FULFILLMENT_STATUSES[fulfillment.status],
    pickingTaskIds: fulfillment.picking_task_ids,
    packingTaskIds: fulfillment.packing_task_ids,
    shipments: shipments
      .filter((shipment) => fulfillment.shipment_ids.includes(shipment.id))
      .map(shipmentMessage),
    createdAt: timestampFromDate(fulfillment.created_at),
    updatedAt: timestampFromDate(fulfillment.updated_at),
  };
}
