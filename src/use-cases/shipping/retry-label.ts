import type { Database } from "../../db/database.ts";
import { type Call, once } from "../../db/idempotency.ts";
import { endAttempt, lockLiveAttempt } from "../../db/label-attempts.ts";
import { lockOrder } from "../../db/orders.ts";
import { insertShipmentEvents } from "../../db/shipment-events.ts";
import { type ShipmentView, shipmentView } from "../../db/shipment-views.ts";
import { findShipmentOrder, lockShipment, type ShipmentRow } from "../../db/shipments.ts";
import { DomainError, invalidField } from "../../domain/errors.ts";
import { requestLabel } from "./open-shipment.ts";

const FROM = ["failed", "needs_review"];

export interface RetryLabel {
  shipment_id: bigint;
  /** Somebody has looked at the carrier's and found nothing under the purchase's reference. */
  nothing_was_bought: boolean;
}

/** Asks for a shipment's labels again, as a new purchase: the old one was refused, or somebody says it bought nothing. */
export async function retryLabel(
  db: Database,
  call: Call,
  { shipment_id, nothing_was_bought }: RetryLabel,
): Promise<ShipmentView> {
  return once(db, call, async (trx) => {
    await lockOrder(trx, await findShipmentOrder(trx, shipment_id));
    const shipment = await lockShipment(trx, shipment_id);
    if (shipment.status !== "ready") throw notNow(shipment, "shipment", shipment.status, "ready");
    if (!FROM.includes(shipment.label_status))
      throw notNow(shipment, "label", shipment.label_status, FROM.join(","));
    const attempt = await lockLiveAttempt(trx, shipment_id);
    if (attempt && !nothing_was_bought)
      throw invalidField(
        "nothing_was_bought",
        `must be true: look at ${attempt.carrier_code}'s for ${attempt.reference}; if it was bought, assign its number`,
      );
    if (attempt) await endAttempt(trx, attempt.id, "dismissed");
    const payload = { label_status: shipment.label_status, principal: call.principal };
    await insertShipmentEvents(trx, [{ shipment_id, event_type: "LABEL_REQUESTED", payload }]);
    await requestLabel(trx, shipment_id);
    return shipmentView(trx, shipment_id);
  });
}

function notNow(
  { id }: ShipmentRow,
  resource: "shipment" | "label",
  status: string,
  allowed_from: string,
): DomainError {
  return new DomainError(
    "ILLEGAL_TRANSITION",
    `the ${resource} of shipment ${id} is ${status}: retry label needs it to be ${allowed_from.replace(",", " or ")}`,
    { resource, id, from: status, to: "requested", action: "retry_label", allowed_from },
  );
}
