import { findUnknownWarehouse } from "../../db/catalogue.ts";
import type { Database } from "../../db/database.ts";
import { type Call, once } from "../../db/idempotency.ts";
import type { LotView } from "../../db/inventory-views.ts";
import { appendEvents } from "../../db/outbox.ts";
import { findPlace, type Place } from "../../db/places.ts";
import { addToLots, insertMovements, lockListings, wakeBackorders } from "../../db/stock.ts";
import type { Transaction } from "../../db/transaction.ts";
import { DomainError, invalidField } from "../../domain/errors.ts";
import { event } from "../../domain/events.ts";
import { lotView } from "./lock-lot.ts";

export interface Placement {
  listing_id: bigint;
  warehouse_id: bigint;
  location_id: bigint;
  quantity: number;
  received_at: Date | null; // null: now
  lot_code: string | null;
  expires_on: string | null;
}

/** Goods come in from a supplier. Orders that wait for the listing are served by a job of this transaction. */
export async function placeInventory(db: Database, call: Call, input: Placement): Promise<LotView> {
  return once(db, call, async (trx) => {
    const place = await checkedPlace(trx, input);
    const listings = await lockListings(trx, [input.listing_id]);
    if (!listings.has(input.listing_id))
      throw new DomainError(
        "LISTING_NOT_FOUND",
        `no listing ${input.listing_id} in the catalogue: UpsertListings makes it known`,
        { listing_id: input.listing_id },
      );
    const [lot] = await addToLots(trx, [{ ...input, for_sale: place.kind === "bin" }]);
    const { listing_id, warehouse_id, quantity } = input;
    await insertMovements(trx, [
      {
        listing_id,
        warehouse_id,
        quantity,
        from_place: "supplier",
        to_place: "shelf",
        to_product_location_id: lot as bigint,
        reason: "place",
      },
    ]);
    await wakeBackorders(trx, [listing_id]);
    await appendEvents(trx, [
      event("inventory.placed", { listing_id, warehouse_id, quantity, location: place.code }),
    ]);
    return lotView(trx, lot as bigint);
  });
}

async function checkedPlace(trx: Transaction, { warehouse_id, location_id }: Placement): Promise<Place> {
  if ((await findUnknownWarehouse(trx, [warehouse_id])) !== undefined)
    throw new DomainError("WAREHOUSE_NOT_FOUND", `no warehouse ${warehouse_id}`, { warehouse_id });
  const place = await findPlace(trx, location_id);
  if (place.warehouse_id !== warehouse_id)
    throw invalidField(
      "location_id",
      `location ${location_id} is in warehouse ${place.warehouse_id}, not in ${warehouse_id}`,
    );
  return place;
}
