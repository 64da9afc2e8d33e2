import { listServableOrders, takeTurnServing } from "../../db/backorders.ts";
import type { Database } from "../../db/database.ts";
import { addAllocated } from "../../db/order-intake.ts";
import { listOrderLines, lockOrders, type OrderLine } from "../../db/orders.ts";
import { appendEvents } from "../../db/outbox.ts";
import { wakeBackorders } from "../../db/stock.ts";
import { inTransaction, type Transaction } from "../../db/transaction.ts";
import { type Allocation, allocate, type StockBook } from "../../domain/allocation.ts";
import { launchFulfillments } from "./launch-fulfillments.ts";
import { openBook } from "./open-book.ts";
import { projectOrders } from "./progress.ts";
import { promiseStock } from "./promise-stock.ts";

/** Orders that one transaction serves, which holds the listings: everybody else who promises them waits. */
const BATCH = 500;

/**
 * Serves the orders that wait for these listings, oldest first; the older ones take all that they can use before the
 * younger are asked. Orders that become whole (or whose policy is partial) start. Where more could be served than one
 * transaction should, the rest is asked for. Safe to repeat. Says how many units were promised.
 */
export async function allocateBackorders(db: Database, listing_ids: readonly bigint[]): Promise<number> {
  return inTransaction(db, async (trx) => {
    await takeTurnServing(trx, listing_ids);
    const orders = await lockOrders(trx, await listServableOrders(trx, listing_ids, BATCH));
    if (orders.length === 0) return 0;
    const book = await openBook(trx, listing_ids);
    const turn = await whoseTurn(trx, listing_ids, new Set(orders.map((order) => order.order_id)));
    const lines = await waitingLines(trx, turn, listing_ids);
    const allocations = turn.flatMap((order_id) => serve(book, lines.get(order_id) ?? []));
    await writePromises(trx, allocations);
    // Only after progress, or when the next one was not locked: whoever can't be served must not be tried for ever.
    if (allocations.length > 0 || turn.length === 0) await askForRest(trx, listing_ids);
    return allocations.reduce((sum, allocation) => sum + allocation.quantity, 0);
  });
}

/**
 * Those of the locked orders that come before all others, in order of arrival. Asked under the listings' lock: since the
 * orders were chosen, stock may have come for older ones, which would then have to be served first.
 */
async function whoseTurn(
  trx: Transaction,
  listing_ids: readonly bigint[],
  locked: ReadonlySet<bigint>,
): Promise<bigint[]> {
  const next = await listServableOrders(trx, listing_ids, BATCH);
  const end = next.findIndex((order_id) => !locked.has(order_id));
  return end < 0 ? next : next.slice(0, end);
}

async function writePromises(trx: Transaction, allocations: readonly Allocation<OrderLine>[]): Promise<void> {
  if (allocations.length === 0) return;
  await addAllocated(
    trx,
    allocations.map(({ key, quantity }) => ({ id: key.id, quantity })),
  );
  const served = [...new Set(allocations.map((allocation) => allocation.key.order_id))];
  const reserved = await promiseStock(trx, allocations);
  const launched = await launchFulfillments(trx, served);
  await appendEvents(trx, [...reserved, ...launched, ...(await projectOrders(trx, served))]);
}

async function askForRest(trx: Transaction, listing_ids: readonly bigint[]): Promise<void> {
  const rest = await listServableOrders(trx, listing_ids, 1);
  if (rest.length > 0) await wakeBackorders(trx, listing_ids);
}

async function waitingLines(
  trx: Transaction,
  order_ids: readonly bigint[],
  listing_ids: readonly bigint[],
): Promise<Map<bigint, OrderLine[]>> {
  const wanted = new Set(listing_ids);
  const lines = await listOrderLines(trx, order_ids);
  return Map.groupBy(
    lines.filter((line) => line.shortage_quantity > 0 && wanted.has(line.listing_id)),
    (line) => line.order_id,
  );
}

function serve(book: StockBook, lines: readonly OrderLine[]): Allocation<OrderLine>[] {
  const demands = lines.map((line) => ({
    key: line,
    listing_id: line.listing_id,
    quantity: line.shortage_quantity,
    warehouse_id: line.warehouse_id,
  }));
  return allocate(book, demands).allocations;
}
