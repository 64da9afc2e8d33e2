import { releaseReservations } from "../../db/reservations.ts";
import { lockLots, wakeBackorders } from "../../db/stock.ts";
import type { Transaction } from "../../db/transaction.ts";
import { type RemovalStrategy, StockBook } from "../../domain/allocation.ts";
import { type DomainEvent, event } from "../../domain/events.ts";
import { launchFulfillments } from "../orders/launch-fulfillments.ts";
import { projectOrder } from "../orders/progress.ts";
import { stockEvents } from "../orders/promise-stock.ts";
import { extendWalk } from "./extend-walk.ts";
import type { ShortPick } from "./pick-request.ts";
import { quarantineMissing } from "./quarantine-missing.ts";

/**
 * What follows from units that are not where they should be: they leave sale, other lots of the house step in as new
 * items of the walk, and what no lot can give the order waits for, or gets from another house. The order, the task, the listing and its lots are locked.
 */
export async function repairShortPick(
  trx: Transaction,
  short: ShortPick,
  strategies: ReadonlyMap<bigint, RemovalStrategy>,
): Promise<{ events: DomainEvent[]; replacement_ids: bigint[] }> {
  const { task, item, missing, reason } = short;
  if (missing === 0) return { events: [], replacement_ids: [] };
  const released = await releaseReservations(trx, [
    { reservation_id: item.reservation_id, quantity: missing },
  ]);
  const moved = await quarantineMissing(trx, short);
  const lots = await lockLots(trx, [item.listing_id]);
  // The picker has just found this lot empty: what it still has on paper is not for him.
  const book = new StockBook(
    lots.filter((lot) => lot.id !== item.product_location_id),
    strategies,
    new Map(),
  );
  const taken = book.take(item.listing_id, task.warehouse_id, missing);
  const replacement_ids = await extendWalk(trx, short, taken);
  const replaced = taken.reduce((sum, { quantity }) => sum + quantity, 0);
  const stock = { listing_id: item.listing_id, warehouse_id: task.warehouse_id, order_id: task.order_id };
  const shortage = event("picking.shortage", {
    ...stock,
    task_id: task.id,
    worker_id: task.worker_id,
    item_id: item.id,
    product_location_id: item.product_location_id,
    quantity: missing,
    replaced_quantity: replaced,
    reason,
  });
  const events = [
    shortage,
    ...stockEvents("inventory.released", released, { reason: "short_pick" }),
    moved,
    ...stockEvents("inventory.reserved", replaced > 0 ? [{ ...stock, quantity: replaced }] : [], {}),
  ];
  if (replaced === missing) return { events, replacement_ids };
  const waiting = await launchFulfillments(trx, [task.order_id]);
  const changed = await projectOrder(trx, task.order_id);
  if (lots.some((lot) => lot.warehouse_id !== task.warehouse_id))
    await wakeBackorders(trx, [item.listing_id]);
  return { events: [...events, ...waiting, ...changed], replacement_ids };
}
