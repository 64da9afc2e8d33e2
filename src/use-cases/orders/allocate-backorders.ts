import type { Database } from "../../db/database.ts";
import { addAllocated } from "../../db/order-intake.ts";
import {
  listOrderLines,
  listWaitingOrders,
  lockOrders,
  type OrderLine,
  type OrderRow,
} from "../../db/orders.ts";
import { appendEvents } from "../../db/outbox.ts";
import { inTransaction, type Transaction } from "../../db/transaction.ts";
import { type Allocation, allocate, type StockBook } from "../../domain/allocation.ts";
import { launchFulfillments } from "./launch-fulfillments.ts";
import { openBook } from "./open-book.ts";
import { projectOrders } from "./progress.ts";
import { promiseStock } from "./promise-stock.ts";

/**
 * Serves the orders that wait for these listings, oldest first; the older ones take all that they can use before the
 * younger are asked. Orders that become whole (or whose policy is partial) start. Safe to repeat. Says how many units
 * were promised.
 */
export async function allocateBackorders(db: Database, listing_ids: readonly bigint[]): Promise<number> {
  return inTransaction(db, async (trx) => {
    const orders = await lockOrders(trx, await listWaitingOrders(trx, listing_ids));
    const live = orders.filter((order) => order.status !== "cancelled").sort(byArrival);
    if (live.length === 0) return 0;
    const lines = await waitingLines(trx, live, listing_ids);
    const book = await openBook(trx, listing_ids);
    const allocations = live.flatMap((order) => serve(book, lines.get(order.order_id) ?? []));
    if (allocations.length === 0) return 0;
    await addAllocated(
      trx,
      allocations.map(({ key, quantity }) => ({ id: key.id, quantity })),
    );
    const served = [...new Set(allocations.map((allocation) => allocation.key.order_id))];
    const reserved = await promiseStock(trx, allocations);
    const launched = await launchFulfillments(trx, served);
    await appendEvents(trx, [...reserved, ...launched, ...(await projectOrders(trx, served))]);
    return allocations.reduce((sum, allocation) => sum + allocation.quantity, 0);
  });
}

async function waitingLines(
  trx: Transaction,
  orders: readonly OrderRow[],
  listing_ids: readonly bigint[],
): Promise<Map<bigint, OrderLine[]>> {
  const wanted = new Set(listing_ids);
  const lines = await listOrderLines(
    trx,
    orders.map((order) => order.order_id),
  );
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

function byArrival(a: OrderRow, b: OrderRow): number {
  return a.arrival < b.arrival ? -1 : 1;
}
