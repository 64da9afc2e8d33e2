import type { Marketplace } from "../../channels/channel.ts";
import { claimPoll, finishPoll, listOpenChannelOrders } from "../../db/channel-orders.ts";
import type { Database } from "../../db/database.ts";
import { takeChannelOrders } from "./take-channel-orders.ts";
import { tellCancellations } from "./tell-cancellations.ts";

/** Read again each time: what changed there while the last look was under way. */
const OVERLAP_MS = 10 * 60_000;
/** As many as one question may name. */
const BATCH = 100;
/** Orders that wait, for an acceptance by hand or for their listings, looked at in one round. */
const MAX_OPEN = 1_000;

/**
 * Looks at a marketplace's orders, when it is time to: those that changed since the last look that came to its end, and
 * those that are still open; then at what was cancelled here. Undefined: it is not time yet; else how many orders were taken in.
 */
export async function pollChannel(db: Database, market: Marketplace): Promise<number | undefined> {
  const claimed = await claimPoll(db, market.code, market.pollSeconds);
  if (!claimed) return undefined;
  const { seen_until } = claimed;
  const since = seen_until && new Date(seen_until.getTime() - OVERLAP_MS);
  const seen = new Set<string>();
  let newest = seen_until;
  let taken = 0;
  for await (const page of market.listOrders(since)) {
    taken += await takeChannelOrders(db, market, page);
    for (const { channel_order_id, updated_at } of page.orders) {
      seen.add(channel_order_id);
      if (newest === null || updated_at > newest) newest = updated_at;
    }
  }
  taken += await lookAgain(db, market, seen);
  await finishPoll(db, market.code, newest);
  await tellCancellations(db, market);
  return taken;
}

/** Orders that were seen before and could not be taken, changed or not. */
async function lookAgain(db: Database, market: Marketplace, seen: ReadonlySet<string>): Promise<number> {
  const open = (await listOpenChannelOrders(db, market.code, MAX_OPEN)).filter((id) => !seen.has(id));
  let taken = 0;
  for (let first = 0; first < open.length; first += BATCH)
    taken += await takeChannelOrders(db, market, await market.findOrders(open.slice(first, first + BATCH)));
  return taken;
}
