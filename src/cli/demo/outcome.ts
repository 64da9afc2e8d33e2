import { FulfillmentStatus, type Order, OrderStatus } from "../../../gen/wms/v1/orders_pb.js";
import { ShipmentStatus } from "../../../gen/wms/v1/shipments_pb.js";
import { WarehouseService } from "../../../gen/wms/v1/warehouse_service_pb.js";
import type { Day } from "./day.ts";
import type { FeedPlan } from "./feed.ts";
import type { RpcClient } from "./rpc-client.ts";

const rpc = WarehouseService.method;
const PAGE = 200;

export interface Outcome {
  orders: Map<bigint, Order>;
  /** Order numbers that are not where they must be, with their state. */
  unsettled: string[];
  /** Units that orders wait for, by listing. */
  shortages: Map<bigint, number>;
}

/** Looks at every order that was sent: settled ones are remembered, the others asked for again. */
export class OutcomeWatch {
  readonly #client: RpcClient;
  readonly #day: Day;
  readonly #plan: FeedPlan;
  readonly #settled = new Map<bigint, Order>();

  constructor(client: RpcClient, day: Day, plan: FeedPlan) {
    this.#client = client;
    this.#day = day;
    this.#plan = plan;
  }

  get settled(): number {
    return this.#settled.size;
  }

  async look(): Promise<Outcome> {
    const seen = new Map<bigint, Order>();
    for await (const order of this.#list()) {
      seen.set(order.orderId, order);
      if (isSettled(order)) this.#settled.set(order.orderId, order);
    }
    const unsettled = this.#day.orders.flatMap(({ order_number }) => {
      const id = this.#plan.orderIds.get(order_number) as bigint;
      if (this.#settled.has(id)) return [];
      const order = seen.get(id);
      return [`${order_number}: ${order ? describe(order) : "not there"}`];
    });
    const shortages = new Map<bigint, number>();
    for (const { items } of seen.values())
      for (const { listingId, shortageQuantity } of items)
        if (shortageQuantity > 0)
          shortages.set(listingId, (shortages.get(listingId) ?? 0) + shortageQuantity);
    return { orders: new Map([...this.#settled, ...seen]), unsettled, shortages };
  }

  async *#list(): AsyncGenerator<Order> {
    for (let pageToken = ""; ; ) {
      const page = await this.#client.call(rpc.listOrders, { pageSize: PAGE, pageToken });
      yield* page.orders;
      pageToken = page.nextPageToken;
      if (pageToken === "") return;
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
