import type { Database } from "../../db/database.ts";
import { type Call, once } from "../../db/idempotency.ts";
import { lockOrder } from "../../db/orders.ts";
import { appendEvents } from "../../db/outbox.ts";
import { clearTaskLabel } from "../../db/packing.ts";
import { insertShipmentEvents } from "../../db/shipment-events.ts";
import { type ShipmentView, shipmentView } from "../../db/shipment-views.ts";
import { findShipmentOrder, lockShipment, cancelShipment as storeCancellation } from "../../db/shipments.ts";
import { event } from "../../domain/events.ts";
import { shipmentMachine } from "../../domain/machines.ts";
import { transition } from "../../domain/state-machine.ts";
import { dropLabel } from "./drop-label.ts";
import { settleShipments } from "./hand-over.ts";

/**
 * Ends a shipment that the carrier doesn't have yet. Its goods stay packed and its fulfillment stays where it is, until
 * CreateShipment sends them by another carrier or CancelPackingTask puts them back: nothing says yet which it will be.
 * When another part of the fulfillment is with its carrier already, only the former can.
 */
export async function cancelShipment(
  db: Database,
  call: Call,
  { shipment_id, reason }: { shipment_id: bigint; reason: string },
): Promise<ShipmentView> {
  return once(db, call, async (trx) => {
    await lockOrder(trx, await findShipmentOrder(trx, shipment_id));
    const shipment = await lockShipment(trx, shipment_id);
    transition(shipmentMachine, shipment.status, "cancel", shipment_id);
    await storeCancellation(trx, shipment_id, reason);
    await insertShipmentEvents(trx, [{ shipment_id, event_type: "SHIPMENT_CANCELLED", payload: { reason } }]);
    await dropLabel(trx, shipment);
    if (shipment.fulfillment_id !== null) await clearTaskLabel(trx, shipment.fulfillment_id);
    const settled = await settleShipments(trx, [shipment]);
    const { order_id, tracking_number, carrier_code } = shipment;
    const cancelled = event("shipment.cancelled", {
      shipment_id,
      order_id,
      tracking_number,
      carrier_code,
      reason,
    });
    await appendEvents(trx, [cancelled, ...settled]);
    return shipmentView(trx, shipment_id);
  });
}
