import { updateOrderStatuses } from "../../db/fulfillments.ts";
import {
  confirmPlaceholders,
  insertOrderLines,
  listOpenWishes,
  markWishesApplied,
} from "../../db/order-intake.ts";
import { waitingUnits } from "../../db/orders.ts";
import type { Transaction } from "../../db/transaction.ts";
import { subtractWishes } from "../../domain/cancellation.ts";
import { type DomainEvent, event } from "../../domain/events.ts";
import {
  type IncomingOrder,
  keepForHolders,
  type PlannedLine,
  type PlannedOrder,
  planOrders,
} from "../../domain/order-plan.ts";
import { holdsExchanged, passOnLeftUnits, releaseHolds } from "../inventory/release-holds.ts";
import { launchFulfillments } from "./launch-fulfillments.ts";
import { openBook } from "./open-book.ts";
import { orderChanged, projectOrders } from "./progress.ts";
import { promiseStock } from "./promise-stock.ts";

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
  const planned = planOrders(book, wished, { kept, waiting: await waitingUnits(trx, listings) });
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
    const lines: PlannedLine[] = order.items.map((item, index) => ({
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

function nothingLeft(lines: readonly PlannedLine[]): boolean {
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
