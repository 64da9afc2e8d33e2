import type { Database } from "../../db/database.ts";
import { type Call, once } from "../../db/idempotency.ts";
import type { LotView } from "../../db/inventory-views.ts";
import { appendEvents } from "../../db/outbox.ts";
import { findPlace, type Place } from "../../db/places.ts";
import { addToLots, changeLot, insertMovements, type LotRow, wakeBackorders } from "../../db/stock.ts";
import { invalidField } from "../../domain/errors.ts";
import { event } from "../../domain/events.ts";
import { assertAvailable, lockLotAndOthers, lotView } from "./lock-lot.ts";

/**
 * Carries units to another place of the same warehouse; they keep their age, lot and date, so that they leave when their
 * turn comes. Reserved units stay where pickers will look for them. Returns the lot that they are in now.
 */
export async function moveInventory(
  db: Database,
  call: Call,
  input: { product_location_id: bigint; to_location_id: bigint; quantity: number },
): Promise<LotView> {
  return once(db, call, async (trx) => {
    const lot = await lockLotAndOthers(trx, input.product_location_id);
    const place = await findPlace(trx, input.to_location_id);
    assertOtherPlace(lot, place);
    assertAvailable(lot, input.quantity);
    const for_sale = place.kind === "bin";
    await changeLot(trx, lot.id, -input.quantity);
    const [target] = await addToLots(trx, [
      { ...lot, location_id: place.id, quantity: input.quantity, for_sale },
    ]);
    const { listing_id, warehouse_id } = lot;
    await insertMovements(trx, [
      {
        listing_id,
        warehouse_id,
        quantity: input.quantity,
        from_place: "shelf",
        from_product_location_id: lot.id,
        to_place: "shelf",
        to_product_location_id: target as bigint,
        reason: "move",
      },
    ]);
    if (for_sale && !lot.for_sale) await wakeBackorders(trx, [listing_id]);
    const from = await lotView(trx, lot.id);
    const moved = { from_location: from.location_code, to_location: place.code, quantity: input.quantity };
    await appendEvents(trx, [event("inventory.moved", { listing_id, warehouse_id, ...moved })]);
    return lotView(trx, target as bigint);
  });
}

function assertOtherPlace(lot: LotRow, place: Place): void {
  if (place.warehouse_id !== lot.warehouse_id)
    throw invalidField(
      "to_location_id",
      `is in warehouse ${place.warehouse_id}, the goods are in ${lot.warehouse_id}`,
    );
  if (place.id === lot.location_id)
    throw invalidField("to_location_id", `the goods are at location ${place.id} already`);
}
