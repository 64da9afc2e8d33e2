import {
  insertFulfillments,
  listReadiness,
  listUnlaunchedStops,
  type OrderReadiness,
  type ReservedStop,
  updateFulfillments,
} from "../../db/fulfillments.ts";
import { insertPickingItems, insertPickingTasks } from "../../db/picking-launch.ts";
import type { Transaction } from "../../db/transaction.ts";
import { type DomainEvent, event } from "../../domain/events.ts";
import { comparePickRoute } from "../../domain/pick-route.ts";
import { fulfillmentChanged } from "./progress.ts";

/** One parcel's worth of work: what an order takes from one warehouse now. */
interface Launch {
  order: OrderReadiness;
  warehouse_id: bigint;
  stops: ReservedStop[];
  fulfillment_id: bigint | null; // the backordered one, when its waiting ends here
}

/**
 * Settles what orders do with the stock that they hold. An order that is whole, or whose policy is to send what there
 * is, gets a fulfillment and a picking task in each warehouse, and one that still waits for something is shown by one
 * backordered fulfillment. The orders' rows must be locked. Safe to repeat: what stands on a task is left alone.
 */
export async function launchFulfillments(
  trx: Transaction,
  order_ids: readonly bigint[],
): Promise<DomainEvent[]> {
  const orders = (await listReadiness(trx, order_ids)).filter((order) => order.status !== "cancelled");
  const startable = new Map(orders.filter(mayStart).map((order) => [order.order_id, order]));
  const stops = startable.size > 0 ? await listUnlaunchedStops(trx, [...startable.keys()]) : [];
  const launches = groupByWarehouse(stops, startable);
  const events = await openFulfillments(trx, launches);
  events.push(...(await settleWaiting(trx, orders, launches)));
  events.push(...(await createTasks(trx, launches)));
  return events;
}

function mayStart(order: OrderReadiness): boolean {
  return order.shortage === 0 || order.policy === "partial";
}

function groupByWarehouse(
  stops: readonly ReservedStop[],
  orders: ReadonlyMap<bigint, OrderReadiness>,
): Launch[] {
  const launches = new Map<string, Launch>();
  const taken = new Set<bigint>();
  for (const stop of stops) {
    const key = `${stop.order_id}/${stop.warehouse_id}`;
    const known = launches.get(key);
    if (known) {
      known.stops.push(stop);
      continue;
    }
    const order = orders.get(stop.order_id) as OrderReadiness;
    const reuses = order.shortage === 0 && !taken.has(order.order_id);
    taken.add(order.order_id);
    const fulfillment_id = reuses ? order.backordered_id : null;
    launches.set(key, { order, warehouse_id: stop.warehouse_id, stops: [stop], fulfillment_id });
  }
  return [...launches.values()];
}

/** Gives each launch its fulfillment, in status planning: the order's waiting one goes on, others are new. */
async function openFulfillments(trx: Transaction, launches: readonly Launch[]): Promise<DomainEvent[]> {
  const waiting = launches.filter((launch) => launch.fulfillment_id !== null);
  await updateFulfillments(
    trx,
    waiting.map(({ fulfillment_id, warehouse_id }) => ({
      id: fulfillment_id as bigint,
      status: "planning" as const,
      warehouse_id,
    })),
  );
  const fresh = launches.filter((launch) => launch.fulfillment_id === null);
  const ids = await insertFulfillments(
    trx,
    fresh.map(({ order, warehouse_id }) => ({
      order_id: order.order_id,
      warehouse_id,
      status: "planning" as const,
    })),
  );
  const planned = (launch: Launch, id: bigint, from: "pending" | "backordered") => {
    launch.fulfillment_id = id;
    return fulfillmentChanged(
      { id, order_id: launch.order.order_id, warehouse_id: launch.warehouse_id },
      from,
      "planning",
    );
  };
  return [
    ...waiting.map((launch) => planned(launch, launch.fulfillment_id as bigint, "backordered")),
    ...fresh.map((launch, index) => planned(launch, ids[index] as bigint, "pending")),
  ];
}

/** One backordered fulfillment for each order that waits, none for the others. */
async function settleWaiting(
  trx: Transaction,
  orders: readonly OrderReadiness[],
  launches: readonly Launch[],
): Promise<DomainEvent[]> {
  const reused = new Set(launches.map((launch) => launch.fulfillment_id));
  const over = orders.filter(
    (order) => order.shortage === 0 && order.backordered_id !== null && !reused.has(order.backordered_id),
  );
  const waits = orders.filter((order) => order.shortage > 0 && order.backordered_id === null);
  await updateFulfillments(
    trx,
    over.map((order) => ({ id: order.backordered_id as bigint, status: "cancelled" as const })),
  );
  const ids = await insertFulfillments(
    trx,
    waits.map(({ order_id }) => ({ order_id, warehouse_id: null, status: "backordered" as const })),
  );
  const plain = (order: OrderReadiness, id: bigint) => ({ id, order_id: order.order_id, warehouse_id: null });
  return [
    ...over.map((order) =>
      fulfillmentChanged(plain(order, order.backordered_id as bigint), "backordered", "cancelled"),
    ),
    ...waits.map((order, index) =>
      fulfillmentChanged(plain(order, ids[index] as bigint), "pending", "backordered"),
    ),
  ];
}

async function createTasks(trx: Transaction, launches: readonly Launch[]): Promise<DomainEvent[]> {
  const tasks = launches.map(({ order, fulfillment_id, warehouse_id, stops }) => ({
    order_id: order.order_id,
    fulfillment_id: fulfillment_id as bigint,
    warehouse_id,
    priority: order.priority,
    total_items: stops.length,
  }));
  const ids = await insertPickingTasks(trx, tasks);
  const items = launches.flatMap(({ stops }, index) =>
    stops
      .toSorted(comparePickRoute)
      .map((stop, position) => ({ ...stop, task_id: ids[index] as bigint, sequence: position + 1 })),
  );
  await insertPickingItems(trx, items);
  return tasks.map(({ order_id, warehouse_id, fulfillment_id, total_items }, index) =>
    event("picking.created", { task_id: ids[index], order_id, warehouse_id, fulfillment_id, total_items }),
  );
}
