import { addAllocated, insertOrderLines } from "../../db/order-intake.ts";
import { listOrderLines, type OrderLine, waitingUnits } from "../../db/orders.ts";
import type { Transaction } from "../../db/transaction.ts";
import { allocate } from "../../domain/allocation.ts";
import type { DomainEvent } from "../../domain/events.ts";
import { keepForHolders, setAside } from "../../domain/order-plan.ts";
import {
  assertServed,
  type CoveredDemand,
  coverDemand,
  type WantedItem,
} from "../../domain/picking-demand.ts";
import { holdsExchanged, passOnLeftUnits, releaseHolds } from "../inventory/release-holds.ts";
import { launchFulfillments } from "../orders/launch-fulfillments.ts";
import { openBook } from "../orders/open-book.ts";
import { projectOrder } from "../orders/progress.ts";
import { promiseStock } from "../orders/promise-stock.ts";

interface Extension {
  order_id: bigint;
  warehouse_id: bigint;
  items: readonly WantedItem[];
}

/**
 * Promises more to an order that is known: first what its lines wait for, the rest as new lines. All or nothing, from
 * one warehouse. The order is locked.
 */
export async function extendOrder(
  trx: Transaction,
  { order_id, warehouse_id, items }: Extension,
): Promise<DomainEvent[]> {
  const lines = await listOrderLines(trx, [order_id]);
  const covered = coverDemand(items, lines, warehouse_id);
  const listings = [...new Set(items.map((item) => item.listing_id))];
  const released = await releaseHolds(trx, [order_id], listings);
  const book = await openBook(trx, listings);
  const kept = keepForHolders(book, released);
  setAside(book, await othersWaiting(trx, lines, listings));
  book.giveBack(kept.get(order_id) ?? []);
  const keyed = await writeLines(trx, { order_id, warehouse_id }, lines, covered);
  const { allocations, shortages } = allocate(
    book,
    keyed.map(({ id, listing_id, quantity }) => ({
      key: { id, order_id, listing_id },
      listing_id,
      quantity,
      warehouse_id,
    })),
  );
  assertServed(
    warehouse_id,
    items,
    shortages.map(({ key, quantity }) => ({ listing_id: key.listing_id, quantity })),
  );
  const reserved = await promiseStock(trx, allocations);
  const launched = await launchFulfillments(trx, [order_id]);
  const changed = await projectOrder(trx, order_id);
  await passOnLeftUnits(trx, released);
  return [...holdsExchanged(released), ...reserved, ...launched, ...changed];
}

/** What other orders wait for stays theirs. */
async function othersWaiting(trx: Transaction, own: readonly OrderLine[], listings: readonly bigint[]) {
  const waiting = await waitingUnits(trx, listings);
  const ownUnits = (wait: (typeof waiting)[number]) =>
    own
      .filter((line) => line.listing_id === wait.listing_id && line.warehouse_id === wait.warehouse_id)
      .reduce((units, line) => units + line.shortage_quantity, 0);
  return waiting
    .map((wait) => ({ ...wait, quantity: wait.quantity - ownUnits(wait) }))
    .filter((wait) => wait.quantity > 0);
}

/** Books the units on lines, as promised already: if they are not found, all of it is undone. */
async function writeLines(
  trx: Transaction,
  { order_id, warehouse_id }: { order_id: bigint; warehouse_id: bigint },
  lines: readonly OrderLine[],
  { waiting, added }: CoveredDemand<OrderLine>,
): Promise<{ id: bigint; listing_id: bigint; quantity: number }[]> {
  const served = waiting.map(({ line, quantity }) => ({
    id: line.id,
    listing_id: line.listing_id,
    quantity,
  }));
  await addAllocated(trx, served);
  const last = Math.max(0, ...lines.map((line) => line.line_number));
  const rows = added.map(({ listing_id, quantity }, index) => ({
    order_id,
    line_number: last + index + 1,
    listing_id,
    warehouse_id,
    quantity,
    cancelled_quantity: 0,
    allocated_quantity: quantity,
  }));
  const ids = await insertOrderLines(trx, rows);
  return [
    ...served,
    ...rows.map(({ listing_id, quantity }, index) => ({ id: ids[index] as bigint, listing_id, quantity })),
  ];
}
