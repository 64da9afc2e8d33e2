import { lockOpenItems } from "../../db/partial-cancellation.ts";
import { listUnattachedReservations } from "../../db/reservations.ts";
import { lockListings, lockShelves } from "../../db/stock.ts";
import type { Transaction } from "../../db/transaction.ts";

/**
 * Locks at once whatever undoing these orders and promising these listings may touch. A transaction that does several
 * such things would otherwise lock the goods of one after those of another, and so not in the one order in which
 * everybody locks them: two such transactions would wait for each other. The orders' rows must be locked.
 */
export async function lockAhead(
  trx: Transaction,
  order_ids: readonly bigint[],
  listing_ids: readonly bigint[],
): Promise<void> {
  const items = await lockOpenItems(trx, order_ids);
  const touched = [...items, ...(await listUnattachedReservations(trx, order_ids))];
  await lockListings(trx, [...listing_ids, ...touched.map((row) => row.listing_id)]);
  await lockShelves(
    trx,
    listing_ids,
    touched.map((row) => row.product_location_id),
  );
}
