import { addAllocated } from "../../db/order-intake.ts";
import { insertPickingItems } from "../../db/picking-launch.ts";
import { listPlaces, type PickingItemRow, renumberItems } from "../../db/picking-tasks.ts";
import { insertReservations } from "../../db/reservations.ts";
import type { Transaction } from "../../db/transaction.ts";
import type { Lot } from "../../domain/allocation.ts";
import { insertIntoWalk } from "../../domain/short-pick.ts";
import type { ShortPick } from "./pick-request.ts";

/** Reserves the lots found for the item's order line, and puts them into the picker's walk. */
export async function extendWalk(
  trx: Transaction,
  { task, items, item }: ShortPick,
  taken: readonly { lot: Lot; quantity: number }[],
): Promise<bigint[]> {
  if (taken.length === 0) return [];
  const { order_id, warehouse_id } = task;
  const { listing_id, order_item_id } = item;
  const rows = taken.map(({ lot, quantity }) => ({
    listing_id,
    warehouse_id,
    order_id,
    order_item_id,
    product_location_id: lot.id,
    quantity,
  }));
  await addAllocated(
    trx,
    rows.map(({ quantity }) => ({ id: order_item_id, quantity })),
  );
  const reservations = await insertReservations(trx, rows);
  const walk = await planWalk(trx, items, item, taken);
  await renumberItems(
    trx,
    task.id,
    walk.moved.map(({ stop, sequence }) => ({ id: stop.id, sequence })),
    taken.length,
  );
  return insertPickingItems(
    trx,
    rows.map((row, index) => ({
      ...row,
      task_id: task.id,
      reservation_id: reservations[index] as bigint,
      location_id: (taken[index] as { lot: Lot }).lot.location_id,
      sequence: walk.sequences[index] as number,
    })),
  );
}

async function planWalk(
  trx: Transaction,
  items: readonly PickingItemRow[],
  here: PickingItemRow,
  taken: readonly { lot: Lot }[],
) {
  const ids = [...items.map((item) => item.location_id), ...taken.map(({ lot }) => lot.location_id)];
  const places = await listPlaces(trx, ids);
  const placeOf = (location_id: bigint) => {
    const place = places.get(location_id);
    if (!place) throw new Error(`no location ${location_id}`);
    return place;
  };
  const stops = items.map(({ id, sequence, location_id }) => ({ ...placeOf(location_id), id, sequence }));
  const start = stops.find((stop) => stop.id === here.id) as (typeof stops)[number];
  return insertIntoWalk(
    stops,
    start,
    taken.map(({ lot }) => ({ ...placeOf(lot.location_id) })),
  );
}
