import { findLotView, type LotView } from "../../db/inventory-views.ts";
import { type LotRow, lockListings, lockLotsById, lockShelves } from "../../db/stock.ts";
import type { Transaction } from "../../db/transaction.ts";
import { DomainError } from "../../domain/errors.ts";

/** Locks one lot, its listing first: what is done to it may change what can be promised. */
export async function lockLot(trx: Transaction, id: bigint): Promise<LotRow> {
  await lockListingOf(trx, id);
  return lockKnownLot(trx, id);
}

/** Locks one lot and all that is for sale of its listing, in the order of locks: units will go from one to another. */
export async function lockLotAndOthers(trx: Transaction, id: bigint): Promise<LotRow> {
  await lockShelves(trx, [await lockListingOf(trx, id)], [id]);
  return lockKnownLot(trx, id);
}

async function lockListingOf(trx: Transaction, id: bigint): Promise<bigint> {
  const known = await findLotView(trx, id);
  if (!known) throw lotNotFound(id);
  await lockListings(trx, [known.listing_id]);
  return known.listing_id;
}

async function lockKnownLot(trx: Transaction, id: bigint): Promise<LotRow> {
  const [lot] = await lockLotsById(trx, [id]);
  if (!lot) throw lotNotFound(id);
  return lot;
}

export async function lotView(trx: Transaction, id: bigint): Promise<LotView> {
  const view = await findLotView(trx, id);
  if (!view) throw lotNotFound(id);
  return view;
}

function lotNotFound(id: bigint): DomainError {
  return new DomainError("PRODUCT_LOCATION_NOT_FOUND", `no product location ${id}`, {
    product_location_id: id,
  });
}

/** Refuses to take more off a lot than nobody has reserved. */
export function assertAvailable(lot: LotRow, quantity: number): void {
  if (quantity <= lot.available_quantity) return;
  throw new DomainError(
    "INSUFFICIENT_STOCK",
    `product location ${lot.id} has ${lot.quantity} units, ${lot.reserved_quantity} of them reserved: ` +
      `${quantity} wanted, ${lot.available_quantity} available`,
    {
      listing_id: lot.listing_id,
      product_location_id: lot.id,
      requested: quantity,
      available: lot.available_quantity,
      reserved: lot.reserved_quantity,
    },
  );
}
