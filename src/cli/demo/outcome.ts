import { FulfillmentStatus, type Order, OrderStatus } from "../../../gen/wms/v1/orders_pb.js";
import { ShipmentStatus } from "../../../gen/wms/v1/shipments_pb.js";
import { WarehouseService } from "../../../gen/wms/v1/warehouse_service_pb.js";
import type { Day } from "./day.ts";
import type { FeedPlan } from "./feed.ts";
import type { RpcClient } from "./rpc-client.ts";

const rpc = WarehouseService.method;
const PAGE = 200;

export interface Outcome {
  open: Order[];
  /** Every order came, and on none is anything left to do. */
  over: boolean;
  /** Units that open orders wait for, by listing. */
  shortages: Map<bigint, number>;
}

const OPEN = [
  OrderStatus.CONFIRMED,
  OrderStatus.PROCESSING,
  OrderStatus.READY_FOR_SHIPMENT,
  OrderStatus.SHIPPED,
];

/** Looks at the orders that were sent. Only open ones are asked for again and again. */
export class OutcomeWatch {
  readonly #client: RpcClient;
  readonly #day: Day;
  readonly #seen = new Set<bigint>();
  settled = 0;

  constructor(client: RpcClient, day: Day) {
    this.#client = client;
    this.#day = day;
  }

  /** The orders on which there is still something to do. */
  async look(): Promise<Outcome> {
    const open = (await this.#list(OPEN)).filter((order) => !isSettled(order));
    const shortages = new Map<bigint, number>();
    for (const { items } of open)
      for (const { listingId, shortageQuantity } of items)
        if (shortageQuantity > 0)
          shortages.set(listingId, (shortages.get(listingId) ?? 0) + shortageQuantity);
    for (const order of open) this.#seen.add(order.orderId);
    this.settled = this.#seen.size - open.length;
    // Orders that have not been taken from the stream yet are not open either: only a look at all of them tells.
    const over = open.length === 0 && (await this.all()).size >= this.#day.orders.length;
    if (over) this.settled = this.#day.orders.length;
    return { open, shortages, over };
  }

  /** Every order, as it is now. */
  async all(): Promise<Map<bigint, Order>> {
    return new Map((await this.#list([])).map((order) => [order.orderId, order]));
  }

  async #list(statuses: OrderStatus[]): Promise<Order[]> {
    const orders: Order[] = [];
    for (let pageToken = ""; ; ) {
      const page = await this.#client.call(rpc.listOrders, { statuses, pageSize: PAGE, pageToken });
      orders.push(...page.orders);
      pageToken = page.nextPageToken;
      if (pageToken === "") return orders;
    }
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

/** Orders in the state in which they must not be: dropped without their customer's wish, or the like. */
export function wrongEnds(day: Day, plan: FeedPlan, orders: ReadonlyMap<bigint, Order>): string[] {
  const whole = new Set(
    day.cancellations.filter(({ items }) => items.length === 0).map((one) => one.order_number),
  );
  const touched = new Set(day.cancellations.map((one) => one.order_number));
  return day.orders.flatMap(({ order_number, items }) => {
    const order = orders.get(plan.orderIds.get(order_number) as bigint);
    if (!order) return [`${order_number}: not there`];
    const lines = order.items.reduce((sum, item) => sum + item.quantity, 0);
    const wanted = items.reduce((sum, item) => sum + item.quantity, 0);
    if (lines !== wanted) return [`${order_number}: ${lines} units instead of ${wanted}`];
    if (!isSettled(order)) return [`${order_number}: ${describe(order)}`];
    const cancelled = order.status === OrderStatus.CANCELLED;
    if (cancelled && !touched.has(order_number)) return [`${order_number}: cancelled without a wish`];
    if (!cancelled && whole.has(order_number) && order.items.every((item) => item.shippedQuantity === 0))
      return [`${order_number}: was to be cancelled and is ${OrderStatus[order.status].toLowerCase()}`];
    const open = order.items.filter(
      (item) => item.quantity - item.cancelledQuantity !== item.shippedQuantity,
    );
    return open.length > 0 ? [`${order_number}: ${open.length} lines neither shipped nor cancelled`] : [];
  });
}

export function countShipments(orders: Iterable<Order>, status: ShipmentStatus): number {
  let count = 0;
  for (const { fulfillments } of orders)
    for (const { shipments } of fulfillments)
      count += shipments.filter((shipment) => shipment.status === status).length;
  return count;
}
