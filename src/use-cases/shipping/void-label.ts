import type { Carriers } from "../../carriers/carrier.ts";
import { insertApiCall } from "../../db/api-calls.ts";
import type { Database } from "../../db/database.ts";
import { findLabelOrder, findPurchase } from "../../db/labels.ts";
import { insertShipmentEvents, lockShipment, updateLabelStatus } from "../../db/shipments.ts";
import { inTransaction } from "../../db/transaction.ts";
import { labelReference } from "./buy-label.ts";

/** Gives a label back to the carrier: what was bought, or may have been bought, under the shipment's reference. */
export async function voidLabel(
  db: Database,
  carriers: Carriers,
  { shipment_id, attempt }: { shipment_id: bigint; attempt: number },
): Promise<void> {
  const order = await findLabelOrder(db, shipment_id);
  if (!order) return;
  const { carrier_code, tracking_numbers } = (await findPurchase(db, shipment_id)) ?? {
    ...order,
    tracking_numbers: [],
  };
  const label = { reference: labelReference(shipment_id), tracking_numbers };
  const started = performance.now();
  // A carrier that was only ever named by hand sold us nothing.
  await carriers.get(carrier_code)?.voidLabel?.(label);
  await insertApiCall(db, {
    service: carrier_code,
    endpoint: "void_label",
    related_id: label.reference,
    request_payload: label,
    response_body: "",
    status_code: null,
    is_success: true,
    duration_ms: performance.now() - started,
    attempt,
  });
  await inTransaction(db, async (trx) => {
    const shipment = await lockShipment(trx, shipment_id);
    if (shipment.label_status === "voided") return;
    await updateLabelStatus(trx, shipment_id, "voided");
    await insertShipmentEvents(trx, [
      { shipment_id, event_type: "LABEL_VOIDED", payload: { label_status: shipment.label_status } },
    ]);
  });
}
