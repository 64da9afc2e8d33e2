import { listServicePlaces, type PickedItem } from "../../db/cancellation.ts";
import { addToLots, insertMovements } from "../../db/stock.ts";
import type { Transaction } from "../../db/transaction.ts";

/** Units of a picking item that were picked and go back. */
export interface PutBack {
  item: PickedItem;
  quantity: number;
}

/**
 * Brings picked goods from packing to the warehouse's put-back place, each with the age, lot and date of the lot that it
 * came from. They are counted there, and for sale again once somebody has moved them to a bin.
 */
export async function putBackPicked(
  trx: Transaction,
  returned: readonly PutBack[],
  reason: string,
): Promise<void> {
  const goods = returned.filter(({ quantity }) => quantity > 0);
  if (goods.length === 0) return;
  const places = await listServicePlaces(
    trx,
    [...new Set(goods.map(({ item }) => item.warehouse_id))],
    "put_back",
  );
  const lots = await addToLots(
    trx,
    goods.map(({ item, quantity }) => ({
      listing_id: item.listing_id,
      warehouse_id: item.warehouse_id,
      location_id: placeOf(places, item.warehouse_id),
      quantity,
      received_at: item.received_at,
      lot_code: item.lot_code,
      expires_on: item.expires_on,
      for_sale: false,
    })),
  );
  await insertMovements(
    trx,
    goods.map(({ item, quantity }, index) => ({
      listing_id: item.listing_id,
      warehouse_id: item.warehouse_id,
      quantity,
      from_place: "packing" as const,
      to_place: "shelf" as const,
      to_product_location_id: lots[index] as bigint,
      reason,
      order_id: item.order_id,
      reference: `picking_task_item:${item.id}`,
    })),
  );
}

function placeOf(places: ReadonlyMap<bigint, { id: bigint }>, warehouse_id: bigint): bigint {
  const place = places.get(warehouse_id);
  if (!place) throw new Error(`warehouse ${warehouse_id} has no put-back place`);
  return place.id;
}
