import type { Database } from "../../db/database.ts";
import { type Call, once } from "../../db/idempotency.ts";
import { lockOrder } from "../../db/orders.ts";
import { appendEvents } from "../../db/outbox.ts";
import { type ShipmentView, shipmentView } from "../../db/shipment-views.ts";
import { findShipmentOrder, lockShipment } from "../../db/shipments.ts";
import { shipmentMachine } from "../../domain/machines.ts";
import { transition } from "../../domain/state-machine.ts";
import { handOver } from "./hand-over.ts";
import { putUnderNumber, type TravelsUnder } from "./put-under-number.ts";

/** Registers the carrier and number that a shipment travels under: it is on its way. Repeating it changes nothing. */
export async function assignTracking(
  db: Database,
  call: Call,
  { shipment_id, ...under }: TravelsUnder & { shipment_id: bigint },
): Promise<ShipmentView> {
  return once(db, call, async (trx) => {
    await lockOrder(trx, await findShipmentOrder(trx, shipment_id));
    const locked = await lockShipment(trx, shipment_id);
    const same =
      locked.carrier_code === under.carrier_code && locked.tracking_number === under.tracking_number;
    if (same && locked.status !== "ready" && locked.status !== "cancelled")
      return shipmentView(trx, shipment_id);
    transition(shipmentMachine, locked.status, "hand_over", shipment_id);
    const { shipment, events } = await putUnderNumber(trx, locked, under);
    const shipped = await handOver(trx, [shipment]);
    await appendEvents(trx, [...events, ...shipped]);
    return shipmentView(trx, shipment_id);
  });
}
