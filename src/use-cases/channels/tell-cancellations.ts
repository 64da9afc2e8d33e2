import type { MarketOrder, Marketplace } from "../../channels/channel.ts";
import { raiseAlert } from "../../db/alerts.ts";
import { clearOtherAlerts, listCancelledHere } from "../../db/channel-cancellations.ts";
import { markChannelOrdersEnded, noteChannelOrders } from "../../db/channel-orders.ts";
import type { Database } from "../../db/database.ts";

/** Orders that differ, looked at in one round. */
const MAX_DIFFERENT = 500;
/** As many as one question may name. */
const BATCH = 100;
const DIFFERS = "channel_order_differs";

/**
 * Tells a marketplace which of its orders were cancelled here. It takes back only whole orders of which it says that they
 * may be cancelled; anything else costs its customer's money or patience, so that a person has to refund it there, or to
 * send the goods after all: an alert says so until both sides want the same.
 */
export async function tellCancellations(db: Database, market: Marketplace): Promise<void> {
  const channel = market.code;
  const here = await listCancelledHere(db, channel, MAX_DIFFERENT);
  const open: string[] = [];
  for (let first = 0; first < here.length; first += BATCH) {
    const some = new Map(
      here.slice(first, first + BATCH).map((one) => [one.channel_order_id, one.units_left]),
    );
    const { orders } = await market.findOrders([...some.keys()]);
    await noteChannelOrders(db, channel, orders);
    for (const order of orders) {
      const difference = await settle(db, market, { order, left: some.get(order.channel_order_id) ?? 0 });
      if (difference === undefined) continue;
      await tell(db, channel, order.channel_order_id, difference);
      open.push(order.channel_order_id);
    }
  }
  await clearOtherAlerts(db, { name: DIFFERS, channel }, open);
}

/** In what both sides still differ, for a person to read; undefined: in nothing. */
async function settle(
  db: Database,
  market: Marketplace,
  { order, left }: { order: MarketOrder; left: number },
): Promise<string | undefined> {
  const wanted = unitsWanted(order);
  if (wanted <= left) return undefined;
  const units = `${wanted} units are wanted there, and ${left} are meant to be sent`;
  if (left > 0 || !order.cancellable) return units;
  try {
    await market.cancelOrder(order.channel_order_id);
  } catch (error) {
    if ((error as { retryable?: boolean }).retryable !== false) throw error;
    return `${units} (${(error as Error).message})`;
  }
  await markChannelOrdersEnded(db, market.code, [order.channel_order_id]);
  return undefined;
}

/** What was sent or cancelled there is nobody's wish any more. */
function unitsWanted({ state, lines }: MarketOrder): number {
  if (state === "shipped" || state === "cancelled") return 0;
  return lines.reduce(
    (sum, line) => sum + (line.cancelled ? 0 : Math.max(0, line.quantity - line.given_back)),
    0,
  );
}

async function tell(db: Database, code: string, id: string, difference: string): Promise<void> {
  await raiseAlert(db, {
    name: DIFFERS,
    key: `${code}:${id}`,
    severity: "warning",
    summary: `${code} order ${id}: ${difference}; refund it there, or send it`.slice(0, 500),
    labels: { channel: code, channel_order_id: id },
    value: 1,
  });
}
