import { updateOrderStatuses } from "../../db/fulfillments.ts";
import {
  confirmPlaceholders,
  insertOrderLines,
  listOpenWishes,
  markWishesApplied,
} from "../../db/order-intake.ts";
import { type WaitingUnits, waitingUnits } from "../../db/orders.ts";
import type { Transaction } from "../../db/transaction.ts";
import { type Allocation, allocate, type Demand, type StockBook } from "../../domain/allocation.ts";
import { type CancelledLine, subtractWishes } from "../../domain/cancellation.ts";
import { type DomainEvent, event } from "../../domain/events.ts";
import type { ConfirmedOrder } from "../../domain/order-event.ts";
import {
  holdsExchanged,
  type KeptUnits,
  keepForHolders,
  passOnLeftUnits,
  releaseHolds,
} from "../inventory/release-holds.ts";
import { launchFulfillments } from "./launch-fulfillments.ts";
import { openBook } from "./open-book.ts";
import { orderChanged, projectOrders } from "./progress.ts";
import { promiseStock } from "./promise-stock.ts";

export interface IncomingOrder extends ConfirmedOrder {
  /** Its cancellation came first and wins: the lines are kept for the record and nothing is promised. */
  cancelled: boolean;
}

interface Line extends CancelledLine {
  order_id: bigint;
  line_number: number;
  warehouse_id: bigint | null;
  allocated_quantity: number;
}

interface PlannedOrder {
  order: IncomingOrder;
  lines: Line[];
  allocations: Allocation<Line>[];
  shortages: { key: Line; quantity: number }[];
  rejected: boolean;
}

/**
 * Takes a batch of new orders, in order of arrival: promises them stock, plans their picking, all or nothing for those
 * whose policy asks for it. Their rows are in `orders` and locked. One order's shortage never touches another's stock.
 */
export async function confirmOrders(
  trx: Transaction,
  orders: readonly IncomingOrder[],
): Promise<DomainEvent[]> {
  if (orders.length === 0) return [];
  await confirmPlaceholders(trx, orders);
  const wished = await linesLeft(trx, orders);
  const live = wished.filter(({ order }) => !order.cancelled);
  const listings = [...new Set(live.flatMap(({ lines }) => lines.map((line) => line.listing_id)))].sort(
    byValue,
  );
  const released = await releaseHolds(
    trx,
    live.map(({ order }) => order.order_id),
    listings,
  );
  const book = await openBook(trx, listings);
  const kept = keepForHolders(book, released);
  const planned = planInTurn(book, wished, kept, await waitingUnits(trx, listings));
  const events = [...holdsExchanged(released), ...(await writePlans(trx, planned))];
  await passOnLeftUnits(trx, released);
  return events;
}

/** The orders' lines, less what their customers had cancelled before the confirmation came. */
async function linesLeft(trx: Transaction, orders: readonly IncomingOrder[]) {
  const wishes = await listOpenWishes(
    trx,
    orders.map((order) => order.order_id),
  );
  const applied: { id: bigint; quantity: number }[] = [];
  const left = orders.map((order) => {
    const lines: Line[] = order.items.map((item, index) => ({
      ...item,
      order_id: order.order_id,
      line_number: index + 1,
      cancelled_quantity: order.cancelled ? item.quantity : 0,
      allocated_quantity: 0,
    }));
    const mine = wishes.filter((wish) => wish.order_id === order.order_id);
    if (mine.length > 0) applied.push(...subtractWishes(lines, mine));
    return { order, lines };
  });
  await markWishesApplied(trx, applied);
  return left;
}

/**
 * What older orders wait for is not for newcomers, even when a sweep has not served them yet; only what an order held is
 * its own before theirs, and what it leaves of that is theirs again.
 */
function planInTurn(
  book: StockBook,
  orders: readonly { order: IncomingOrder; lines: Line[] }[],
  kept: KeptUnits,
  waiting: readonly WaitingUnits[],
): PlannedOrder[] {
  let unserved = setAside(book, waiting);
  return orders.map(({ order, lines }) => {
    const own = kept.get(order.order_id) ?? [];
    book.giveBack(own);
    const plan = planOrder(book, order, lines);
    if (own.length > 0) unserved = setAside(book, unserved);
    return plan;
  });
}

/** Returns what the book can't give them. */
function setAside(book: StockBook, waiting: readonly WaitingUnits[]): WaitingUnits[] {
  return waiting.flatMap((units) => {
    const { shortages } = allocate(book, [{ key: units, ...units }]);
    return shortages.map(({ key, quantity }) => ({ ...key, quantity }));
  });
}

function planOrder(book: StockBook, order: IncomingOrder, lines: Line[]): PlannedOrder {
  const demands: Demand<Line>[] = lines
    .filter((line) => line.quantity > line.cancelled_quantity)
    .map((line) => ({
      key: line,
      listing_id: line.listing_id,
      quantity: line.quantity - line.cancelled_quantity,
      warehouse_id: line.warehouse_id,
    }));
  const { allocations, shortages } = allocate(book, demands);
  const rejected = order.policy === "reject" && shortages.length > 0;
  if (rejected) {
    book.giveBack(allocations);
    for (const line of lines) line.cancelled_quantity = line.quantity;
    return { order, lines, allocations: [], shortages, rejected };
  }
  for (const { key, quantity } of allocations) key.allocated_quantity += quantity;
  return { order, lines, allocations, shortages, rejected };
}

async function writePlans(trx: Transaction, planned: readonly PlannedOrder[]): Promise<DomainEvent[]> {
  const lines = planned.flatMap((plan) => plan.lines);
  const ids = await insertOrderLines(trx, lines);
  const stored = new Map(
    lines.map((line, index) => [line, { id: ids[index] as bigint, order_id: line.order_id }]),
  );
  const allocations = planned.flatMap((plan) =>
    plan.allocations.map(({ key, lot, quantity }) => ({
      key: stored.get(key) as { id: bigint; order_id: bigint },
      lot,
      quantity,
    })),
  );
  const reserved = await promiseStock(trx, allocations);
  const dead = planned.filter(
    ({ order, rejected, lines }) => !order.cancelled && (rejected || nothingLeft(lines)),
  );
  const cancelled = await cancelAtOnce(trx, dead);
  const started = planned
    .filter((plan) => !plan.order.cancelled && !dead.includes(plan))
    .map((plan) => plan.order.order_id);
  const launched = await launchFulfillments(trx, started);
  return [...reserved, ...cancelled, ...launched, ...(await projectOrders(trx, started))];
}

function nothingLeft(lines: readonly Line[]): boolean {
  return lines.every((line) => line.cancelled_quantity === line.quantity);
}

/** Orders that are over before they began: rejected for want of stock, or every line cancelled beforehand. */
async function cancelAtOnce(trx: Transaction, dead: readonly PlannedOrder[]): Promise<DomainEvent[]> {
  const reasonOf = (plan: PlannedOrder) =>
    plan.rejected ? "insufficient stock" : "every line was cancelled";
  await updateOrderStatuses(
    trx,
    dead.map((plan) => ({
      order_id: plan.order.order_id,
      status: "cancelled" as const,
      reason: reasonOf(plan),
    })),
  );
  return dead.flatMap((plan) => [
    ...(plan.rejected ? [rejection(plan)] : []),
    ...orderChanged({ order: plan.order, from: "confirmed", to: "cancelled", reason: reasonOf(plan) }),
  ]);
}

function rejection({ order, shortages }: PlannedOrder): DomainEvent {
  const items = shortages.map(({ key, quantity }) => ({
    listing_id: String(key.listing_id),
    requested: key.quantity,
    available: key.quantity - quantity,
  }));
  return event("order.rejected", {
    order_id: order.order_id,
    storefront_id: order.storefront_id,
    reason: "insufficient stock",
    items: JSON.stringify(items),
  });
}

function byValue(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
