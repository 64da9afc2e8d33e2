import type { ShipmentRow } from "../../db/shipments.ts";
import { findFulfillment } from "../../db/shippable.ts";
import type { Transaction } from "../../db/transaction.ts";
import { fulfillmentMachine } from "../../domain/machines.ts";
import { transition } from "../../domain/state-machine.ts";

const LEFT = ["shipped", "completed"];

/**
 * Nobody may say that a shipment is on its way whose goods are still on their shelves, or at the packer's. A carrier may:
 * what it states is kept, and the goods follow when they are packed. Goods that were not picked here are not asked about.
 */
export async function assertGoodsPacked(trx: Transaction, shipment: ShipmentRow): Promise<void> {
  if (shipment.status !== "ready" || shipment.fulfillment_id === null) return;
  const { id, status } = await findFulfillment(trx, shipment.fulfillment_id);
  if (!LEFT.includes(status)) transition(fulfillmentMachine, status, "ship", id);
}
