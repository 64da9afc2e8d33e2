import { FulfillmentStatus, type Order, OrderStatus } from "../../../gen/wms/v1/orders_pb.js";
import { ShipmentStatus } from "../../../gen/wms/v1/shipments_pb.js";
import { WarehouseService } from "../../../gen/wms/v1/warehouse_service_pb.js";
import { type Day, skuKey } from "./day.ts";
import type { FeedPlan } from "./feed.ts";
import type { RpcClient } from "./rpc-client.ts";
import type { Warehouses } from "./warehouses.ts";

const rpc = WarehouseService.method;
const PAGE = 200;

export interface Outcome {
  open: Order[];
  /** Units that open orders wait for, by listing. */
  shortages: Map<bigint, number>;
}

const OPEN = [
  OrderStatus.CONFIRMED,
  OrderStatus.PROCESSING,
  OrderStatus.READY_FOR_SHIPMENT,
  OrderStatus.SHIPPED,
];

/** The orders on which there is still something to do. */
export async function findOpen(operator: RpcClient): Promise<Outcome> {
  const open = (await listOrders(operator, OPEN)).filter((order) => !isSettled(order));
  const shortages = new Map<bigint, number>();
  for (const { items } of open)
    for (const { listingId, shortageQuantity } of items)
      if (shortageQuantity > 0) shortages.set(listingId, (shortages.get(listingId) ?? 0) + shortageQuantity);
  return { open, shortages };
}

/** Orders, newest first, without those that come meanwhile; all of them when no statuses are named. */
export async function listOrders(operator: RpcClient, statuses: OrderStatus[] = []): Promise<Order[]> {
  const orders = new Map<bigint, Order>();
  for (let pageToken = ""; ; ) {
    const page = await operator.call(rpc.listOrders, { statuses, pageSize: PAGE, pageToken });
    for (const order of page.orders) orders.set(order.orderId, order);
    pageToken = page.nextPageToken;
    if (pageToken === "") return [...orders.values()];
  }
}

/** Nothing is left to do: cancelled, or every parcel came to an end with the customer or back. */
function isSettled(order: Order): boolean {
  if (order.status === OrderStatus.CANCELLED || order.status === OrderStatus.DELIVERED) return true;
  return (
    order.status === OrderStatus.SHIPPED &&
    order.fulfillments.every(
      ({ status }) => status === FulfillmentStatus.COMPLETED || status === FulfillmentStatus.CANCELLED,
    )
  );
}

function describe(order: Order): string {
  const parts = order.fulfillments.map((fulfillment) => FulfillmentStatus[fulfillment.status].toLowerCase());
  return `${OrderStatus[order.status].toLowerCase()} (${parts.join(", ") || "no fulfillment"})`;
}

/** Orders that are not where they must be, in words: dropped without their customer's wish, or the like. */
export function wrongEnds(
  day: Day,
  plan: FeedPlan,
  warehouses: Warehouses,
  orders: readonly Order[],
): string[] {
  const byId = new Map(orders.map((order) => [order.orderId, order]));
  const wishes = wishesOf(day, warehouses);
  return day.orders.flatMap(({ order_number, items }) => {
    const order = byId.get(plan.orderIds.get(order_number) as bigint);
    const wanted = items.reduce((sum, item) => sum + item.quantity, 0);
    const reason = order ? whatIsWrong(order, wanted, wishes.get(order_number)) : "not there";
    return reason ? [`${order_number}: ${reason}`] : [];
  });
}

/** What a customer took back: the whole order, or so many units by listing. */
interface Wish {
  whole: boolean;
  units: Map<bigint, number>;
}

function wishesOf(day: Day, { listings }: Warehouses): Map<string, Wish> {
  const wishes = new Map<string, Wish>();
  for (const { order_number, items } of day.cancellations) {
    const wish = wishes.get(order_number) ?? { whole: false, units: new Map() };
    wishes.set(order_number, wish);
    if (items.length === 0) wish.whole = true;
    for (const { sku, quantity } of items) {
      const id = listings.get(skuKey(sku))?.listing_id ?? 0n;
      wish.units.set(id, (wish.units.get(id) ?? 0) + quantity);
    }
  }
  return wishes;
}

function whatIsWrong(order: Order, wanted: number, wish: Wish | undefined): string | undefined {
  const units = order.items.reduce((sum, item) => sum + item.quantity, 0);
  const shipped = order.items.reduce((sum, item) => sum + item.shippedQuantity, 0);
  if (units !== wanted) return `${units} units instead of ${wanted}`;
  if (!isSettled(order)) return describe(order);
  if (order.status === OrderStatus.CANCELLED && shipped > 0) return `cancelled with ${shipped} units shipped`;
  if (wish?.whole && shipped === 0 && order.status !== OrderStatus.CANCELLED)
    return `was to be cancelled and is ${describe(order)}`;
  const stuck = order.items.filter((item) => item.quantity - item.cancelledQuantity !== item.shippedQuantity);
  if (stuck.length > 0) return `${stuck.length} lines neither shipped nor cancelled`;
  return wish?.whole ? undefined : cancelledTooMuch(order, wish);
}

function cancelledTooMuch({ items }: Order, wish: Wish | undefined): string | undefined {
  const cancelled = new Map<bigint, number>();
  for (const { listingId, cancelledQuantity } of items)
    cancelled.set(listingId, (cancelled.get(listingId) ?? 0) + cancelledQuantity);
  for (const [id, units] of cancelled) {
    const wished = wish?.units.get(id) ?? 0;
    if (units > wished) return `listing ${id}: ${units} units cancelled, ${wished} wished`;
  }
  return undefined;
}

export function countShipments(orders: Iterable<Order>, status: ShipmentStatus): number {
  let count = 0;
  for (const { fulfillments } of orders)
    for (const { shipments } of fulfillments)
      count += shipments.filter((shipment) => shipment.status === status).length;
  return count;
}
