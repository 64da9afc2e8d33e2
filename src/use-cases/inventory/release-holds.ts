import {
  dropEndedReservations,
  listUnattachedReservations,
  type Released,
  releaseReservations,
} from "../../db/reservations.ts";
import { lockListings, lockShelves, wakeBackorders } from "../../db/stock.ts";
import type { Transaction } from "../../db/transaction.ts";
import type { DomainEvent } from "../../domain/events.ts";
import { stockEvents } from "../orders/promise-stock.ts";

/**
 * Ends the holds that ReserveInventory made for orders that are now being planned: their units go back to the lots, and
 * the plan, made under the same locks, keeps them for their orders. Locks the plan's listings too, all in one order.
 */
export async function releaseHolds(
  trx: Transaction,
  order_ids: readonly bigint[],
  planned_listings: readonly bigint[],
): Promise<Released[]> {
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
  return releaseReservations(
    trx,
    open.map((hold) => ({ reservation_id: hold.id, quantity: hold.open_quantity })),
  );
}

/** Ends the exchange: what the plan left of the held units is for those who wait. The last thing of its transaction. */
export async function passOnLeftUnits(trx: Transaction, released: readonly Released[]): Promise<void> {
  if (released.length === 0) return;
  await wakeBackorders(
    trx,
    released.map(({ listing_id }) => listing_id),
  );
}

export function holdsExchanged(released: readonly Released[]): DomainEvent[] {
  return stockEvents("inventory.released", released, { reason: "exchanged for the order's lines" });
}
