import { cancelLineUnits } from "../../db/cancellation.ts";
import { type CancellationWish, markWishesApplied } from "../../db/order-intake.ts";
import { listOrderLines, type OrderRow } from "../../db/orders.ts";
import {
  listEmptyFulfillments,
  lockOpenItems,
  type OpenItem,
  shrinkItems,
} from "../../db/partial-cancellation.ts";
import { listUnattachedReservations, releaseReservations } from "../../db/reservations.ts";
import { lockListings, lockLotsById, wakeBackorders } from "../../db/stock.ts";
import type { Transaction } from "../../db/transaction.ts";
import { type CancelPlan, planCancellation } from "../../domain/cancel-plan.ts";
import type { DomainEvent } from "../../domain/events.ts";
import { openPacking } from "../packing/open-packing.ts";
import { cancelFulfillments } from "./cancel-fulfillment.ts";
import { launchFulfillments } from "./launch-fulfillments.ts";
import { projectOrders } from "./progress.ts";
import { stockEvents } from "./promise-stock.ts";
import { putBackPicked } from "./put-back.ts";

/**
 * Cancels some units of confirmed orders, as far as they are not in a closed parcel. What an order then no longer waits
 * for may let it start; what nothing is left of is cancelled whole. The orders' rows must be locked.
 */
export async function cancelItems(
  trx: Transaction,
  orders: readonly OrderRow[],
  wishes: readonly CancellationWish[],
  reason: string,
): Promise<DomainEvent[]> {
  if (wishes.length === 0) return [];
  const ids = orders.map((order) => order.order_id);
  const { plan, held } = await plansOf(trx, ids, wishes);
  const freed = await release(trx, plan, held, reason);
  await markWishesApplied(trx, plan.granted);
  const emptied = await cancelFulfillments(trx, await listEmptyFulfillments(trx, ids), reason);
  const launched = await launchFulfillments(trx, ids);
  launched.push(...(await openPacking(trx, ids))); // what was held for the missing rest goes now
  return [...freed, ...emptied, ...launched, ...(await projectOrders(trx, ids, reason))];
}

type Plan = CancelPlan<OpenItem>;

async function plansOf(trx: Transaction, ids: readonly bigint[], wishes: readonly CancellationWish[]) {
  const items = await lockOpenItems(trx, ids);
  const lines = await listOrderLines(trx, ids);
  const holds = (await listUnattachedReservations(trx, ids)).filter((row) => row.order_item_id !== null);
  const held = holds.map((row) => ({ ...row, order_item_id: row.order_item_id as bigint }));
  const plans = ids.map((id) =>
    planCancellation(
      wishes.filter((wish) => wish.order_id === id),
      lines.filter((line) => line.order_id === id).toReversed(),
      held.filter((row) => row.order_id === id).toSorted(lastLineFirst),
      items.filter((item) => item.order_id === id).toSorted(lastLineFirst),
    ),
  );
  const plan: Plan = {
    lines: plans.flatMap((part) => part.lines),
    releases: plans.flatMap((part) => part.releases),
    items: plans.flatMap((part) => part.items),
    granted: plans.flatMap((part) => part.granted),
  };
  return { plan, held };
}

/** As a cancellation that comes before its order takes them: where the goods lie must not decide which line shrinks. */
function lastLineFirst(
  a: { order_item_id: bigint; id: bigint },
  b: { order_item_id: bigint; id: bigint },
): number {
  return Number(b.order_item_id - a.order_item_id) || Number(b.id - a.id);
}

async function release(
  trx: Transaction,
  plan: Plan,
  held: readonly { listing_id: bigint; product_location_id: bigint }[],
  reason: string,
): Promise<DomainEvent[]> {
  const touched = [...held, ...plan.items.map(({ item }) => item)];
  const listings = [...new Set(touched.map((row) => row.listing_id))];
  await lockListings(trx, listings);
  await lockLotsById(
    trx,
    touched.map((row) => row.product_location_id),
  );
  const released = await releaseReservations(trx, plan.releases);
  const returned = plan.items.filter(({ picked }) => picked > 0);
  await putBackPicked(
    trx,
    returned.map(({ item, picked }) => ({ item, quantity: picked })),
    reason,
  );
  await cancelLineUnits(trx, plan.lines);
  await shrinkItems(
    trx,
    plan.items.map(({ item, required, picked }) => ({
      id: item.id,
      task_id: item.task_id,
      order_item_id: item.order_item_id,
      required,
      picked,
    })),
    reason,
  );
  await wakeBackorders(trx, listings);
  return stockEvents("inventory.released", released, { reason });
}
