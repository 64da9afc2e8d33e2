import {
  dropEndedReservations,
  listUnattachedReservations,
  releaseReservations,
} from "../../db/reservations.ts";
import { lockListings, lockShelves } from "../../db/stock.ts";
import type { Transaction } from "../../db/transaction.ts";
import type { DomainEvent } from "../../domain/events.ts";
import { stockEvents } from "../orders/promise-stock.ts";

/**
 * Ends the holds that ReserveInventory made for orders that are now being planned: their units go back to the lots, and
 * the plan, made under the same locks, finds at least as many. Locks the listings of the plan too, all in one order.
 */
export async function releaseHolds(
  trx: Transaction,
  order_ids: readonly bigint[],
  planned_listings: readonly bigint[],
): Promise<DomainEvent[]> {
  const holds = (await listUnattachedReservations(trx, order_ids)).filter((row) => row.hold_id !== null);
  if (holds.length === 0) return [];
  const listings = [...planned_listings, ...holds.map((hold) => hold.listing_id)];
  await lockListings(trx, listings);
  await lockShelves(
    trx,
    listings,
    holds.map((hold) => hold.product_location_id),
  );
  const open = await dropEndedReservations(trx, holds);
  const released = await releaseReservations(
    trx,
    open.map((hold) => ({ reservation_id: hold.id, quantity: hold.open_quantity })),
  );
  return stockEvents("inventory.released", released, { reason: "exchanged for the order's lines" });
}
