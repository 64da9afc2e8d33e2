import { listServicePlaces } from "../../db/cancellation.ts";
import { addToLots, changeLot, insertMovements, lockLotsById } from "../../db/stock.ts";
import type { Transaction } from "../../db/transaction.ts";
import { type DomainEvent, event } from "../../domain/events.ts";
import type { ShortPick } from "./pick-request.ts";

/**
 * Takes units that a picker did not find off sale: on paper they move to the quarantine place, until somebody counts.
 * What other orders have reserved of the lot stays with it. The lot is locked, and the units are reserved by nobody.
 */
export async function quarantineMissing(
  trx: Transaction,
  { task, item, missing }: ShortPick,
): Promise<DomainEvent> {
  const { warehouse_id, order_id } = task;
  const [lot] = await lockLotsById(trx, [item.product_location_id]);
  const place = (await listServicePlaces(trx, [warehouse_id], "quarantine")).get(warehouse_id);
  if (!lot || !place)
    throw new Error(
      `warehouse ${warehouse_id} has no lot ${item.product_location_id} or no quarantine place`,
    );
  const { listing_id, received_at, lot_code, expires_on } = lot;
  await changeLot(trx, lot.id, -missing);
  const [to] = await addToLots(trx, [
    {
      listing_id,
      warehouse_id,
      location_id: place.id,
      quantity: missing,
      received_at,
      lot_code,
      expires_on,
      for_sale: false,
    },
  ]);
  await insertMovements(trx, [
    {
      listing_id,
      warehouse_id,
      quantity: missing,
      from_place: "shelf",
      from_product_location_id: lot.id,
      to_place: "shelf",
      to_product_location_id: to as bigint,
      reason: "short_pick",
      order_id,
      reference: `picking_task_item:${item.id}`,
    },
  ]);
  const from_location = item.location_code;
  return event("inventory.moved", {
    listing_id,
    warehouse_id,
    quantity: missing,
    from_location,
    to_location: place.code,
  });
}
