import type { MarketLine, MarketOrder, MarketPage, Marketplace } from "../../channels/channel.ts";
import { clearAlert, raiseAlert } from "../../db/alerts.ts";
import {
  type ChannelOrderRow,
  findListingsBySku,
  markChannelOrdersTaken,
  noteChannelOrders,
  noteOrderProblems,
  type TakenLine,
} from "../../db/channel-orders.ts";
import type { Database } from "../../db/database.ts";
import type { OrderEvent } from "../../domain/order-event.ts";
import { takeOrderEvents } from "../orders/take-order-events.ts";
import { followCancellations, type Met } from "./follow-cancellations.ts";

interface Problem {
  channel_order_id: string;
  problem: string;
}

/**
 * Deals with orders as a marketplace shows them now: accepts those that wait for it, takes in those that are to be
 * shipped as if they came from the Listings service, cancels what was cancelled there. Repeating it changes nothing; what
 * can't be taken stays noted, with an alert, and is looked at again. Returns how many were taken.
 */
export async function takeChannelOrders(
  db: Database,
  market: Marketplace,
  { orders, unreadable }: MarketPage,
): Promise<number> {
  const rows = await noteChannelOrders(db, market.code, [
    ...orders,
    ...unreadable.map(({ channel_order_id }) => ({ channel_order_id, state: "waiting" as const })),
  ]);
  const byId = new Map(rows.map((row) => [row.channel_order_id, row]));
  const met = [...new Map(orders.map((order) => [order.channel_order_id, order])).values()].map((order) => ({
    order,
    row: byId.get(order.channel_order_id) as ChannelOrderRow,
  }));
  const listings = await findListingsBySku(db, [...new Set(met.flatMap(({ order }) => skusOf(order)))]);
  const unknown = met.flatMap((one) => unknownGoods(one, listings));
  const known = met.filter(({ order }) => !unknown.some((one) => isOf(one, order)));
  const unaccepted = await acceptOrders(market, known);
  const taken = await takeConfirmed(db, market, known, listings);
  await followCancellations(db, market, met);
  const untaken = [...unreadable, ...unknown, ...unaccepted].map(({ channel_order_id, problem }) => ({
    channel_order_id,
    problem: `it can't be taken: ${problem}`,
  }));
  await tellProblems(db, market, met, [...untaken, ...met.flatMap(unclearUnits)]);
  return taken;
}

function isOf({ channel_order_id }: Problem, order: MarketOrder): boolean {
  return order.channel_order_id === channel_order_id;
}

function isOpen({ taken_at, ended_at }: ChannelOrderRow): boolean {
  return taken_at === null && ended_at === null;
}

function liveLines({ lines }: MarketOrder): MarketLine[] {
  return lines.filter((line) => !line.cancelled);
}

function skusOf(order: MarketOrder): string[] {
  return liveLines(order).map((line) => line.sku);
}

/** Nothing is promised to a customer, and no part of an order shipped, as long as we don't know all of it. */
function unknownGoods({ order, row }: Met, listings: ReadonlyMap<string, bigint>): Problem[] {
  if (!isOpen(row) || (order.state !== "to_accept" && order.state !== "to_ship")) return [];
  const unknown = skusOf(order).filter((sku) => !listings.has(sku));
  if (unknown.length === 0) return [];
  const problem = `no listing, or more than one, has the SKU ${[...new Set(unknown)].slice(0, 5).join(", ")}`;
  return [{ channel_order_id: order.channel_order_id, problem }];
}

/** A line of which units were given back there, and which is as long as before: whether they are to be sent, a person says. */
function unclearUnits({ order, row }: Met): Problem[] {
  if (row.taken_at === null || order.state !== "to_ship") return [];
  return order.lines.flatMap(({ line_id, quantity, cancelled, given_back }) => {
    const taken = row.lines.find((line) => line.line_id === line_id);
    if (cancelled || given_back === 0 || taken?.quantity !== quantity) return [];
    const problem = `of line ${line_id}, ${given_back} of ${quantity} units were cancelled or refunded there; cancel them here, unless they are to be sent`;
    return [{ channel_order_id: order.channel_order_id, problem }];
  });
}

/** One that is refused does not keep the others waiting; whatever goes better later ends the round. */
async function acceptOrders(market: Marketplace, met: readonly Met[]): Promise<Problem[]> {
  if (!market.acceptsOrders) return [];
  const problems: Problem[] = [];
  for (const { order } of met.filter((one) => one.order.state === "to_accept" && isOpen(one.row))) {
    try {
      await market.acceptOrder(order);
    } catch (error) {
      if ((error as { retryable?: boolean }).retryable !== false) throw error;
      const { channel_order_id } = order;
      problems.push({ channel_order_id, problem: `it can't be accepted (${(error as Error).message})` });
    }
  }
  return problems;
}

async function takeConfirmed(
  db: Database,
  market: Marketplace,
  met: readonly Met[],
  listings: ReadonlyMap<string, bigint>,
): Promise<number> {
  const fresh = met.filter(({ order, row }) => order.state === "to_ship" && isOpen(row));
  if (fresh.length === 0) return 0;
  const taken = fresh.map((one) => ({ ...one, lines: takenLines(one.order, listings) }));
  await takeOrderEvents(
    db,
    taken.map((one) => confirmation(market, one)),
  );
  await markChannelOrdersTaken(
    db,
    market.code,
    taken.map(({ order, lines }) => ({ channel_order_id: order.channel_order_id, lines })),
  );
  return taken.length;
}

function takenLines(order: MarketOrder, listings: ReadonlyMap<string, bigint>): TakenLine[] {
  return liveLines(order).map(({ line_id, sku, quantity }) => ({
    line_id,
    listing_id: String(listings.get(sku)),
    quantity,
  }));
}

function confirmation(
  { code, storefront_id }: Marketplace,
  { order, row, lines }: Met & { lines: readonly TakenLine[] },
): OrderEvent {
  const eventId = `${code}:${order.channel_order_id}`;
  return {
    kind: "confirmed",
    eventId,
    entryId: eventId,
    order: {
      order_id: row.order_id,
      storefront_id,
      order_number: order.channel_order_id,
      priority: "normal",
      policy: "backorder",
      ship_to: order.ship_to,
      items: lines.map(({ listing_id, quantity }) => ({
        listing_id: BigInt(listing_id),
        quantity,
        warehouse_id: null,
      })),
    },
  };
}

const STUCK = "channel_order_stuck";

/** One alert an order, which goes when nothing is in its way any more. */
async function tellProblems(
  db: Database,
  { code }: Marketplace,
  met: readonly Met[],
  problems: readonly Problem[],
): Promise<void> {
  const stuck = new Map(problems.map((one) => [one.channel_order_id, one.problem]));
  const solved = met.map(({ order }) => order.channel_order_id).filter((id) => !stuck.has(id));
  for (const [channel_order_id, problem] of stuck)
    await raiseAlert(db, {
      name: STUCK,
      key: `${code}:${channel_order_id}`,
      severity: "warning",
      summary: `${code} order ${channel_order_id}: ${problem}`.slice(0, 500),
      labels: { channel: code, channel_order_id },
      value: 1,
    });
  const healed = await noteOrderProblems(db, code, [
    ...[...stuck].map(([channel_order_id, problem]) => ({ channel_order_id, problem })),
    ...solved.map((channel_order_id) => ({ channel_order_id, problem: null })),
  ]);
  for (const id of healed) await clearAlert(db, STUCK, `${code}:${id}`);
}
