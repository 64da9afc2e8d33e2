import type { ConfirmOrderRequest } from "../../gen/wms/v1/orders_pb.js";
import { WarehouseService } from "../../gen/wms/v1/warehouse_service_pb.js";
import {
  type FulfillmentView,
  findFulfillmentViews,
  findOrderView,
  findOrderViews,
  listFulfillmentViews,
  listOrderKeys,
} from "../db/order-views.ts";
import { orderNotFound } from "../db/orders.ts";
import { shipmentViews } from "../db/shipment-views.ts";
import { DomainError } from "../domain/errors.ts";
import type { ConfirmedOrder } from "../domain/order-event.ts";
import { cancelOrder } from "../use-cases/orders/cancel-order.ts";
import { confirmOrder } from "../use-cases/orders/confirm-order.ts";
import { parseAddress } from "./address-messages.ts";
import type { Deps } from "./deps.ts";
import { callOf, type HandlersOf } from "./handler.ts";
import {
  FULFILLMENT_STATUSES,
  fulfillmentMessage,
  ORDER_STATUSES,
  orderMessage,
  parsePolicy,
} from "./order-messages.ts";
import {
  nextPageToken,
  optionalId,
  optionalList,
  page,
  requiredId,
  requiredList,
  requiredQuantity,
  text,
} from "./parse.ts";
import { parsePriority, parseWord } from "./vocabulary-messages.ts";

type Topic =
  | "confirmOrder"
  | "cancelOrder"
  | "getOrder"
  | "listOrders"
  | "getFulfillment"
  | "listFulfillments";

const MAX_LINES = 10_000;
const rpc = WarehouseService.method;

export function orderHandlers({ db }: Deps): Pick<HandlersOf<typeof WarehouseService>, Topic> {
  return { ...orderWrites(db), ...orderReads(db), ...fulfillmentReads(db) };
}

function orderWrites(
  db: Deps["db"],
): Pick<HandlersOf<typeof WarehouseService>, "confirmOrder" | "cancelOrder"> {
  return {
    confirmOrder: async (request, caller) => {
      const order = await confirmOrder(db, callOf(rpc.confirmOrder, request, caller), parseOrder(request));
      return orderMessage(order, order.shipments);
    },
    cancelOrder: async (request, caller) => {
      const order_id = requiredId("order_id", request.orderId);
      const order = await cancelOrder(db, callOf(rpc.cancelOrder, request, caller), {
        order_id,
        reason: text("reason", request.reason, 500),
        items: optionalList("items", request.items, MAX_LINES).map((item, index) => ({
          listing_id: requiredId(`items[${index}].listing_id`, item.listingId),
          quantity: requiredQuantity(`items[${index}].quantity`, item.quantity),
        })),
      });
      // Some units of an order that is not known yet: noted, and applied when it comes.
      return order ? orderMessage(order, order.shipments) : { orderId: order_id };
    },
  };
}

function parseOrder(request: ConfirmOrderRequest): ConfirmedOrder {
  return {
    order_id: requiredId("order_id", request.orderId),
    storefront_id: optionalId("storefront_id", request.storefrontId) ?? 0n,
    order_number: text("order_number", request.orderNumber, 128),
    priority: parsePriority("priority", request.priority),
    policy: parsePolicy(request.policy),
    ship_to: parseAddress("ship_to", request.shipTo),
    items: requiredList("items", request.items, MAX_LINES).map((item, index) => ({
      listing_id: requiredId(`items[${index}].listing_id`, item.listingId),
      quantity: requiredQuantity(`items[${index}].quantity`, item.quantity),
      warehouse_id: optionalId(`items[${index}].warehouse_id`, item.warehouseId) ?? null,
    })),
  };
}

function orderReads(db: Deps["db"]): Pick<HandlersOf<typeof WarehouseService>, "getOrder" | "listOrders"> {
  return {
    getOrder: async (request) => {
      const order_id = requiredId("order_id", request.orderId);
      const order = await findOrderView(db, order_id);
      if (!order) throw orderNotFound(order_id);
      return orderMessage(order, await shipmentsOf(db, order.fulfillments));
    },
    listOrders: async (request) => {
      const wanted = page(request);
      const filter = {
        storefront_id: optionalId("storefront_id", request.storefrontId),
        warehouse_id: optionalId("warehouse_id", request.warehouseId),
        order_number: request.orderNumber,
        statuses: request.statuses.map((status) => parseWord(ORDER_STATUSES, "statuses", status)),
      };
      const keys = await listOrderKeys(db, filter, wanted);
      const orders = await findOrderViews(
        db,
        keys.map((key) => key.order_id),
      );
      const shipments = await shipmentsOf(
        db,
        orders.flatMap((order) => order.fulfillments),
      );
      return {
        orders: orders.map((order) => orderMessage(order, shipments)),
        nextPageToken: nextPageToken(
          keys.map(({ arrival }) => ({ id: arrival })),
          wanted,
        ),
      };
    },
  };
}

function fulfillmentReads(
  db: Deps["db"],
): Pick<HandlersOf<typeof WarehouseService>, "getFulfillment" | "listFulfillments"> {
  return {
    getFulfillment: async (request) => {
      const id = requiredId("fulfillment_id", request.fulfillmentId);
      const [fulfillment] = await findFulfillmentViews(db, [id]);
      if (!fulfillment)
        throw new DomainError("FULFILLMENT_NOT_FOUND", `no fulfillment ${id}`, { fulfillment_id: id });
      return fulfillmentMessage(fulfillment, await shipmentsOf(db, [fulfillment]));
    },
    listFulfillments: async (request) => {
      const wanted = page(request);
      const filter = {
        order_id: optionalId("order_id", request.orderId),
        warehouse_id: optionalId("warehouse_id", request.warehouseId),
        statuses: request.statuses.map((status) => parseWord(FULFILLMENT_STATUSES, "statuses", status)),
      };
      const rows = await listFulfillmentViews(db, filter, wanted);
      const shipments = await shipmentsOf(db, rows);
      return {
        fulfillments: rows.map((row) => fulfillmentMessage(row, shipments)),
        nextPageToken: nextPageToken(rows, wanted),
      };
    },
  };
}

function shipmentsOf(db: Deps["db"], fulfillments: readonly FulfillmentView[]) {
  return shipmentViews(
    db,
    fulfillments.flatMap((fulfillment) => fulfillment.shipment_ids),
  );
}
