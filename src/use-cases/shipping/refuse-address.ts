import type { Carrier } from "../../carriers/carrier.ts";
import type { Database } from "../../db/database.ts";
import { lockLiveAttempt } from "../../db/label-attempts.ts";
import { insertShipmentEvents } from "../../db/shipment-events.ts";
import { lockShipment, updateLabelStatus } from "../../db/shipments.ts";
import { inTransaction } from "../../db/transaction.ts";
import type { Address } from "../../domain/address.ts";
import { addressProblem } from "../../domain/address-check.ts";

/**
 * Fails a label whose parcel could not arrive, before anything is bought. A purchase that has begun goes on: it may have
 * been made already.
 */
export async function refuseBadAddress(
  db: Database,
  { code: carrier_code, capabilities }: Carrier,
  { shipment_id, to }: { shipment_id: bigint; to: Address },
): Promise<boolean> {
  const error = capabilities.takesAnyAddress ? undefined : addressProblem(to);
  if (error === undefined) return false;
  return inTransaction(db, async (trx) => {
    const { label_status, status } = await lockShipment(trx, shipment_id);
    const begun = await lockLiveAttempt(trx, shipment_id);
    if (begun || label_status !== "requested" || status === "cancelled") return false;
    await updateLabelStatus(trx, shipment_id, "failed");
    const payload = { error, carrier_code };
    await insertShipmentEvents(trx, [{ shipment_id, event_type: "LABEL_FAILED", payload }]);
    return true;
  });
}
