import type { MarketOrder, Marketplace } from "../../channels/channel.ts";
import {
  type ChannelOrderRow,
  markChannelOrdersEnded,
  markChannelOrdersTaken,
  type TakenLine,
} from "../../db/channel-orders.ts";
import type { Database } from "../../db/database.ts";
import type { OrderEvent } from "../../domain/order-event.ts";
import { takeOrderEvents } from "../orders/take-order-events.ts";

/** An order as it is there, and what we have of it. */
export interface Met {
  order: MarketOrder;
  row: ChannelOrderRow;
}

/** Of orders that were taken, what is cancelled since; of the others, that there is nothing left to take. */
export async function followCancellations(
  db: Database,
  market: Marketplace,
  met: readonly Met[],
): Promise<void> {
  const taken = met.filter(({ row }) => row.taken_at !== null && row.ended_at === null);
  const events = taken.flatMap((one) => cancellations(market, one));
  await takeOrderEvents(db, events);
  await markChannelOrdersTaken(db, market.code, taken.flatMap(reducedLines));
  const ended = met.filter(
    ({ order, row }) => order.state === "cancelled" || (order.state === "shipped" && row.taken_at === null),
  );
  await markChannelOrdersEnded(
    db,
    market.code,
    ended.map(({ order }) => order.channel_order_id),
  );
}

function cancellations({ code }: Marketplace, { order, row }: Met): OrderEvent[] {
  const cancel = (eventId: string, items: { listing_id: bigint; quantity: number }[]): OrderEvent => ({
    kind: "cancelled",
    eventId,
    entryId: eventId,
    order_id: row.order_id,
    reason: `cancelled at ${code}`,
    items,
  });
  const id = `${code}:${order.channel_order_id}`;
  if (order.state === "cancelled") return [cancel(`${id}:cancelled`, [])];
  return row.lines.flatMap((line) => {
    const left = leftThere(order, line);
    if (left >= line.quantity) return [];
    const eventId = left === 0 ? `${id}:${line.line_id}:cancelled` : `${id}:${line.line_id}:left:${left}`;
    return [cancel(eventId, [{ listing_id: BigInt(line.listing_id), quantity: line.quantity - left }])];
  });
}

/**
 * What is cancelled is not counted again: from now on the line is what is left of it, be it nothing. The inbox alone would
 * not do: it forgets events after a month, and orders may wait for longer.
 */
function reducedLines({ order, row }: Met) {
  const lines = row.lines.map((line) => ({
    ...line,
    quantity: Math.min(leftThere(order, line), line.quantity),
  }));
  const reduced = lines.some((line, at) => line.quantity !== row.lines[at]?.quantity);
  return reduced ? [{ channel_order_id: order.channel_order_id, lines }] : [];
}

/** A line that the channel doesn't show any more says nothing. */
function leftThere({ lines }: MarketOrder, { line_id, quantity }: TakenLine): number {
  const line = lines.find((one) => one.line_id === line_id);
  if (line === undefined) return quantity;
  return line.cancelled ? 0 : line.quantity;
}
