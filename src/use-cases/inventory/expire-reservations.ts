import type { Database } from "../../db/database.ts";
import { appendEvents } from "../../db/outbox.ts";
import { listExpiredHolds, listHoldRows, releaseReservations } from "../../db/reservations.ts";
import { lockListings, lockLotsById, wakeBackorders } from "../../db/stock.ts";
import { inTransaction } from "../../db/transaction.ts";
import { stockEvents } from "../orders/promise-stock.ts";

/** Expired holds that one transaction ends; the sweeper comes again while there are more. */
const BATCH = 500;

/**
 * Releases holds whose time is over, by the database's clock, and those of orders that ended without using them: one
 * made while its order was being cancelled is seen by neither. Says how many; safe to repeat and to run twice at once.
 */
export async function expireReservations(db: Database): Promise<number> {
  return inTransaction(db, async (trx) => {
    const expired = await listExpiredHolds(trx, BATCH);
    if (expired.length === 0) return 0;
    const listings = expired.map((hold) => hold.listing_id);
    await lockListings(trx, listings);
    const rows = (
      await listHoldRows(
        trx,
        expired.map((hold) => hold.hold_id),
      )
    ).filter((row) => row.status === "pending");
    await lockLotsById(
      trx,
      rows.map((row) => row.product_location_id),
    );
    const released = await releaseReservations(
      trx,
      rows.map((row) => ({ reservation_id: row.id, quantity: row.open_quantity })),
    );
    await wakeBackorders(trx, listings);
    await appendEvents(trx, stockEvents("inventory.released", released, { reason: "expired" }));
    return expired.length;
  });
}
