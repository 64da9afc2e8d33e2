import { type ArrivingOrder, insertArrivals, insertWishes } from "../../db/order-intake.ts";
import { lockOrders, type OrderRow } from "../../db/orders.ts";
import type { Transaction } from "../../db/transaction.ts";
import type { DomainEvent } from "../../domain/events.ts";
import type { ConfirmedOrder } from "../../domain/order-event.ts";
import { cancelItems } from "./cancel-items.ts";
import { cancelOrders } from "./cancel-orders.ts";
import { confirmOrders } from "./confirm-orders.ts";
import { lockAhead } from "./lock-ahead.ts";

export interface Cancellation {
  order_id: bigint;
  reason: string;
  /** Empty: the whole order. */
  items: readonly { listing_id: bigint; quantity: number }[];
}

/**
 * Takes confirmations and cancellations that belong together, in order of arrival. What they leave behind does not
 * depend on which of an order's messages came first: a cancellation finds its order, or waits for it.
 */
export async function takeOrders(
  trx: Transaction,
  confirmed: readonly ConfirmedOrder[],
  cancellations: readonly Cancellation[],
): Promise<DomainEvent[]> {
  const confirmations = firstOfEach(confirmed);
  const arrivals = withPlaceholders(confirmations, cancellations);
  const fresh = await insertArrivals(trx, arrivals);
  const rows = await lockOrders(
    trx,
    arrivals.map((order) => order.order_id),
  );
  const wanted = [...confirmations.values()].flatMap(({ items }) => items.map((item) => item.listing_id));
  // Cancellations of one order are pieces of work of their own too, when their reasons differ.
  if (cancellations.length > 1 || (cancellations.length > 0 && arrivals.length > 1))
    await lockAhead(
      trx,
      rows.map((row) => row.order_id),
      wanted,
    );
  const known = rows.filter((row) => !fresh.has(row.order_id) && row.confirmed_at !== null);
  const events = await cancelKnown(trx, known, cancellations);
  const waiting = rows.filter((row) => fresh.has(row.order_id) || row.confirmed_at === null);
  return [...events, ...(await takeNew(trx, waiting, confirmations, cancellations))];
}

function firstOfEach(confirmed: readonly ConfirmedOrder[]): Map<bigint, ConfirmedOrder> {
  const first = new Map<bigint, ConfirmedOrder>();
  for (const order of confirmed) if (!first.has(order.order_id)) first.set(order.order_id, order);
  return first;
}

function withPlaceholders(
  confirmed: ReadonlyMap<bigint, ConfirmedOrder>,
  cancellations: readonly Cancellation[],
): ArrivingOrder[] {
  const missing = new Set(cancellations.map(({ order_id }) => order_id).filter((id) => !confirmed.has(id)));
  const placeholders = [...missing].map((order_id) => ({
    order_id,
    storefront_id: 0n,
    order_number: "",
    priority: "normal" as const,
    policy: "backorder" as const,
    ship_to: {},
    confirmed: false,
  }));
  return [...[...confirmed.values()].map((order) => ({ ...order, confirmed: true })), ...placeholders];
}

/** Orders that we are working on already. */
async function cancelKnown(
  trx: Transaction,
  known: readonly OrderRow[],
  cancellations: readonly Cancellation[],
): Promise<DomainEvent[]> {
  const whole = wholeCancellations(cancellations);
  const rows = new Map(known.map((row) => [row.order_id, row]));
  const partial = cancellations.filter(
    ({ order_id, items }) => items.length > 0 && rows.has(order_id) && !whole.has(order_id),
  );
  const events: DomainEvent[] = [];
  for (const [reason, orders] of byReason(
    known.filter((row) => whole.has(row.order_id)),
    whole,
  ))
    events.push(...(await cancelOrders(trx, orders, reason)));
  for (const [reason, group] of Map.groupBy(partial, (cancellation) => cancellation.reason)) {
    const wishes = await keepWishes(trx, group);
    const orders = new Set(group.map(({ order_id }) => order_id));
    const affected = known.filter((row) => orders.has(row.order_id));
    events.push(...(await cancelItems(trx, affected, wishes, reason)));
  }
  return events;
}

/** Orders that are confirmed only now, or not even now. */
async function takeNew(
  trx: Transaction,
  rows: readonly OrderRow[],
  confirmed: ReadonlyMap<bigint, ConfirmedOrder>,
  cancellations: readonly Cancellation[],
): Promise<DomainEvent[]> {
  const whole = wholeCancellations(cancellations);
  const here = new Set(rows.map((row) => row.order_id));
  await keepWishes(
    trx,
    cancellations.filter(({ order_id, items }) => items.length > 0 && here.has(order_id)),
  );
  const cancelled = rows.filter((row) => whole.has(row.order_id));
  const events: DomainEvent[] = [];
  // As placeholders they are cancelled before anything is promised to them.
  const unconfirmed = cancelled.map((row) => ({ ...row, confirmed_at: null }));
  for (const [reason, orders] of byReason(unconfirmed, whole))
    events.push(...(await cancelOrders(trx, orders, reason)));
  const byId = new Map(rows.map((row) => [row.order_id, row]));
  const incoming = [...confirmed.values()]
    .filter((order) => here.has(order.order_id))
    .map((order) => ({
      ...order,
      cancelled: whole.has(order.order_id) || byId.get(order.order_id)?.status === "cancelled",
    }));
  return [...events, ...(await confirmOrders(trx, incoming))];
}

function wholeCancellations(cancellations: readonly Cancellation[]): Map<bigint, string> {
  return new Map(
    cancellations.filter(({ items }) => items.length === 0).map(({ order_id, reason }) => [order_id, reason]),
  );
}

/** Sets of orders that are cancelled for the same reason, so that each set is one piece of work. */
function byReason(
  orders: readonly OrderRow[],
  reasons: ReadonlyMap<bigint, string>,
): Map<string, OrderRow[]> {
  return Map.groupBy(orders, (order) => reasons.get(order.order_id) ?? "");
}

function keepWishes(trx: Transaction, partial: readonly Cancellation[]) {
  return insertWishes(
    trx,
    partial.flatMap(({ order_id, reason, items }) => items.map((item) => ({ ...item, order_id, reason }))),
  );
}
