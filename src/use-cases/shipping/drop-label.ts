import { addJob } from "../../db/jobs.ts";
import { forgetLabels } from "../../db/labels.ts";
import { insertShipmentEvents } from "../../db/shipment-events.ts";
import { type ShipmentRow, updateLabelStatus } from "../../db/shipments.ts";
import type { Transaction } from "../../db/transaction.ts";

type Labelled = Pick<ShipmentRow, "id" | "label_status" | "carrier_code">;

/** Its boxes have no label from now on; the job voids what was bought, also when the purchase is only just under way. */
export async function dropLabel(trx: Transaction, shipment: Labelled): Promise<void> {
  if (shipment.label_status === "none" || shipment.label_status === "voided") return;
  await markVoided(trx, shipment);
  await askToVoid(trx, shipment.id);
}

/** On paper; the carrier is another matter. */
export async function markVoided(
  trx: Transaction,
  { id, label_status, carrier_code }: Labelled,
): Promise<void> {
  await updateLabelStatus(trx, id, "voided");
  await forgetLabels(trx, id);
  await insertShipmentEvents(trx, [
    { shipment_id: id, event_type: "LABEL_VOIDED", payload: { label_status, carrier_code } },
  ]);
}

export function askToVoid(trx: Transaction, shipment_id: bigint): Promise<void> {
  const key = `void_label:${shipment_id}`;
  return addJob(trx, "void_label", { shipment_id: String(shipment_id) }, { key });
}
