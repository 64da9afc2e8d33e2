import { lockListings, lockLots, warehouseRanks } from "../../db/stock.ts";
import type { Transaction } from "../../db/transaction.ts";
import { StockBook } from "../../domain/allocation.ts";

/** Locks what these listings have to promise, and opens it for allocation. */
export async function openBook(trx: Transaction, listing_ids: readonly bigint[]): Promise<StockBook> {
  const strategies = await lockListings(trx, listing_ids);
  const lots = await lockLots(trx, listing_ids);
  return new StockBook(lots, strategies, await warehouseRanks(trx));
}
