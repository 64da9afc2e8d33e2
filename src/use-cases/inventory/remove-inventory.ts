import type { Database } from "../../db/database.ts";
import { type Call, once } from "../../db/idempotency.ts";
import type { LotView } from "../../db/inventory-views.ts";
import { appendEvents } from "../../db/outbox.ts";
import { changeLot, insertMovements } from "../../db/stock.ts";
import { event } from "../../domain/events.ts";
import { assertAvailable, lockLot, lotView } from "./lock-lot.ts";

/** Takes units that nobody has reserved off a lot, for good: the ledger books them as a loss. */
export async function removeInventory(
  db: Database,
  call: Call,
  input: { product_location_id: bigint; quantity: number; reason: string },
): Promise<LotView> {
  return once(db, call, async (trx) => {
    const lot = await lockLot(trx, input.product_location_id);
    assertAvailable(lot, input.quantity);
    await changeLot(trx, lot.id, -input.quantity);
    const { listing_id, warehouse_id } = lot;
    const { quantity, reason } = input;
    await insertMovements(trx, [
      {
        listing_id,
        warehouse_id,
        quantity,
        from_place: "shelf",
        from_product_location_id: lot.id,
        to_place: "loss",
        reason: `remove: ${reason}`,
      },
    ]);
    const view = await lotView(trx, lot.id);
    await appendEvents(trx, [
      event("inventory.removed", {
        listing_id,
        warehouse_id,
        quantity,
        location: view.location_code,
        reason,
      }),
    ]);
    return view;
  });
}
