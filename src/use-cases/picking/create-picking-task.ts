import { findUnknownListing, findUnknownWarehouse } from "../../db/catalogue.ts";
import type { Database } from "../../db/database.ts";
import { type Call, once } from "../../db/idempotency.ts";
import { insertArrivals } from "../../db/order-intake.ts";
import { listOrderLines, lockOrder, type OrderRow } from "../../db/orders.ts";
import { appendEvents } from "../../db/outbox.ts";
import { findLiveFulfillment, setPickingPriority } from "../../db/picking-tasks.ts";
import { type PickingTaskView, pickingTaskView } from "../../db/picking-views.ts";
import { findPickingTaskOfOrder } from "../../db/task-lists.ts";
import type { Transaction } from "../../db/transaction.ts";
import { DomainError } from "../../domain/errors.ts";
import type { DomainEvent } from "../../domain/events.ts";
import { assertServed, type WantedItem } from "../../domain/picking-demand.ts";
import type { Priority } from "../../domain/vocabulary.ts";
import { takeOrders } from "../orders/take-orders.ts";
import { extendOrder } from "./extend-order.ts";

export interface NewPickingTask {
  order_id: bigint;
  warehouse_id: bigint;
  priority: Priority;
  items: readonly WantedItem[];
}

/** Promises the items from this one warehouse, all or nothing, and sends a picker for them. Unknown orders are made. */
export async function createPickingTask(
  db: Database,
  call: Call,
  wanted: NewPickingTask,
): Promise<PickingTaskView> {
  return once(db, call, async (trx) => {
    await refuseUnknown(trx, wanted);
    await insertArrivals(trx, [placeholder(wanted)]); // so that there is a row to lock, whoever else is making it
    const order = await lockOrder(trx, wanted.order_id);
    await refuseState(trx, order, wanted);
    const events = order.confirmed_at === null ? await confirm(trx, wanted) : await extendOrder(trx, wanted);
    const task = await findPickingTaskOfOrder(trx, wanted.order_id, wanted.warehouse_id);
    if (!task || task.status === "cancelled") throw await nothingToPick(trx, wanted);
    await setPickingPriority(trx, task.id, wanted.priority);
    await appendEvents(trx, events);
    return pickingTaskView(trx, task.id);
  });
}

async function refuseUnknown(trx: Transaction, { warehouse_id, items }: NewPickingTask): Promise<void> {
  if ((await findUnknownWarehouse(trx, [warehouse_id])) !== undefined)
    throw new DomainError("WAREHOUSE_NOT_FOUND", `no warehouse ${warehouse_id}`, { warehouse_id });
  const listing_id = await findUnknownListing(
    trx,
    items.map((item) => item.listing_id),
  );
  if (listing_id !== undefined)
    throw new DomainError("LISTING_NOT_FOUND", `no listing ${listing_id}`, { listing_id });
}

function placeholder({ order_id, priority }: NewPickingTask) {
  const policy = "backorder" as const;
  return { order_id, storefront_id: 0n, order_number: "", priority, policy, ship_to: {}, confirmed: false };
}

async function refuseState(
  trx: Transaction,
  order: OrderRow,
  { warehouse_id }: NewPickingTask,
): Promise<void> {
  const { order_id, status } = order;
  const live = await findLiveFulfillment(trx, order_id, warehouse_id);
  if (status !== "cancelled" && live)
    throw new DomainError(
      "PICKING_TASK_EXISTS",
      `order ${order_id} has picking task ${live.task_id} in warehouse ${warehouse_id} already`,
      { order_id, warehouse_id, task_id: live.task_id ?? "" },
    );
  if (status === "confirmed" || status === "processing" || status === "ready_for_shipment") return;
  throw new DomainError(
    "ILLEGAL_TRANSITION",
    `order ${order_id} is ${status}: a picking task needs it to be confirmed, processing or ready_for_shipment`,
    { resource: "order", id: order_id, from: status, to: "processing" },
  );
}

/** The order is new: this is its confirmation. */
async function confirm(trx: Transaction, wanted: NewPickingTask): Promise<DomainEvent[]> {
  const { order_id, warehouse_id } = wanted;
  const items = wanted.items.map((item) => ({ ...item, warehouse_id }));
  const events = await takeOrders(trx, [{ ...placeholder(wanted), items }], []);
  const lines = await listOrderLines(trx, [order_id]);
  const shortages = lines.map((line) => ({ listing_id: line.listing_id, quantity: line.shortage_quantity }));
  assertServed(warehouse_id, wanted.items, shortages);
  return events;
}

/** Everything was found, and still nobody may start: units were cancelled beforehand, or the order waits for others. */
async function nothingToPick(
  trx: Transaction,
  { order_id, warehouse_id }: NewPickingTask,
): Promise<DomainError> {
  const waiting = (await listOrderLines(trx, [order_id])).find((line) => line.shortage_quantity > 0);
  if (!waiting)
    return new DomainError(
      "ILLEGAL_TRANSITION",
      `order ${order_id} is cancelled: its units were cancelled before they were confirmed`,
      { resource: "order", id: order_id, from: "cancelled", to: "processing" },
    );
  const { listing_id, quantity, cancelled_quantity, shortage_quantity } = waiting;
  const requested = quantity - cancelled_quantity;
  return new DomainError(
    "INSUFFICIENT_STOCK",
    `order ${order_id} starts when it is whole, and ${shortage_quantity} of ${requested} units of listing ${listing_id} are missing`,
    { listing_id, warehouse_id, requested, available: requested - shortage_quantity },
  );
}
