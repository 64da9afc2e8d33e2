import type { Database } from "../../db/database.ts";
import { type Call, once } from "../../db/idempotency.ts";
import type { LotView } from "../../db/inventory-views.ts";
import { appendEvents } from "../../db/outbox.ts";
import { changeLot, insertMovements, type LotRow, wakeBackorders } from "../../db/stock.ts";
import { DomainError, invalidField } from "../../domain/errors.ts";
import { event } from "../../domain/events.ts";
import { lockLot, lotView } from "./lock-lot.ts";

/** What was found at the shelf: a count, or a difference. */
export type Adjustment = { counted_quantity: number } | { delta: number };

const MAX_QUANTITY = 1_000_000_000;

/** Corrects a lot to what is really there. It can't go below what is reserved: cancel or re-pick that first. */
export async function adjustInventory(
  db: Database,
  call: Call,
  input: { product_location_id: bigint; adjustment: Adjustment; reason: string },
): Promise<LotView> {
  return once(db, call, async (trx) => {
    const lot = await lockLot(trx, input.product_location_id);
    const delta = deltaOf(lot, input.adjustment);
    if (delta === 0) return lotView(trx, lot.id);
    await changeLot(trx, lot.id, delta);
    const { listing_id, warehouse_id, id } = lot;
    const loss = { from_place: "shelf", from_product_location_id: id, to_place: "loss" } as const;
    const find = { from_place: "loss", to_place: "shelf", to_product_location_id: id } as const;
    await insertMovements(trx, [
      {
        listing_id,
        warehouse_id,
        quantity: Math.abs(delta),
        ...(delta < 0 ? loss : find),
        reason: `adjust: ${input.reason}`,
      },
    ]);
    if (delta > 0 && lot.for_sale) await wakeBackorders(trx, [listing_id]);
    const view = await lotView(trx, id);
    const { reason } = input;
    await appendEvents(trx, [
      event("inventory.adjusted", {
        listing_id,
        warehouse_id,
        quantity: delta,
        location: view.location_code,
        reason,
      }),
    ]);
    return view;
  });
}

function deltaOf(lot: LotRow, adjustment: Adjustment): number {
  const counted = "delta" in adjustment ? lot.quantity + adjustment.delta : adjustment.counted_quantity;
  const field = "delta" in adjustment ? "delta" : "counted_quantity";
  if (counted < 0)
    throw invalidField(field, `leaves ${counted} units of ${lot.quantity}: it must leave 0 or more`);
  if (counted > MAX_QUANTITY)
    throw invalidField(field, `leaves ${counted} units: at most ${MAX_QUANTITY} fit a lot`);
  if (counted < lot.reserved_quantity)
    throw new DomainError(
      "STOCK_RESERVED",
      `product location ${lot.id} has ${lot.reserved_quantity} of ${lot.quantity} units reserved: it can't go down to ${counted}`,
      {
        product_location_id: lot.id,
        listing_id: lot.listing_id,
        reserved: lot.reserved_quantity,
        requested: counted,
      },
    );
  return counted - lot.quantity;
}
