import { lockLiveAttempt, storeBought } from "../../db/label-attempts.ts";
import { showTaskLabel } from "../../db/packing.ts";
import { insertShipmentEvents } from "../../db/shipment-events.ts";
import { findNumberHolder, type ShipmentRow, setTracking, updateLabelStatus } from "../../db/shipments.ts";
import type { Transaction } from "../../db/transaction.ts";
import { DomainError } from "../../domain/errors.ts";
import { type DomainEvent, event } from "../../domain/events.ts";
import { misreadWarning } from "../../domain/tracking-numbers.ts";
import { dropLabel } from "./drop-label.ts";

export interface TravelsUnder {
  carrier_code: string;
  tracking_number: string;
}

/**
 * A locked, ready shipment travels under a carrier's number that somebody states. A label that was, or is being, bought
 * for another number is not wanted any more.
 */
export async function putUnderNumber(
  trx: Transaction,
  shipment: ShipmentRow,
  under: TravelsUnder,
): Promise<{ shipment: ShipmentRow; events: DomainEvent[] }> {
  if (shipment.tracking_number === under.tracking_number && shipment.carrier_code === under.carrier_code)
    return { shipment, events: [] };
  const holder = await findNumberHolder(trx, under.carrier_code, under.tracking_number, shipment.id);
  if (holder !== undefined) throw numberTaken(under, holder);
  if (!(await isAnswer(trx, shipment, under))) await dropLabel(trx, shipment);
  await setTracking(trx, shipment.id, under);
  if (shipment.fulfillment_id !== null) await showTaskLabel(trx, shipment.fulfillment_id);
  const previous =
    shipment.tracking_number === null ? {} : { previous_tracking_number: shipment.tracking_number };
  const warning = misreadWarning(under.carrier_code, under.tracking_number);
  const payload = { ...under, ...previous, ...(warning === undefined ? {} : { warning }) };
  await insertShipmentEvents(trx, [{ shipment_id: shipment.id, event_type: "TRACKING_ASSIGNED", payload }]);
  return { shipment: { ...shipment, ...under }, events: firstNumber(shipment, under.tracking_number) };
}

/** Somebody has found out what a purchase, whose answer was lost, had bought: it is what the shipment travels under. */
async function isAnswer(
  trx: Transaction,
  { id, label_status }: ShipmentRow,
  { carrier_code, tracking_number }: TravelsUnder,
): Promise<boolean> {
  if (label_status !== "needs_review") return false;
  const attempt = await lockLiveAttempt(trx, id);
  if (attempt?.carrier_code !== carrier_code) return false;
  await storeBought(trx, attempt.id, { status: "bought", tracking_numbers: [tracking_number] });
  await updateLabelStatus(trx, id, "none");
  return true;
}

/** shipment.created is published once, when the number becomes known. */
export function firstNumber(shipment: ShipmentRow, tracking_number: string): DomainEvent[] {
  if (shipment.tracking_number !== null) return [];
  const { id, order_id } = shipment;
  return [event("shipment.created", { shipment_id: id, order_id, tracking_number })];
}

function numberTaken({ carrier_code, tracking_number }: TravelsUnder, shipment_id: bigint): DomainError {
  return new DomainError(
    "TRACKING_NUMBER_TAKEN",
    `${carrier_code} number ${tracking_number} is that of shipment ${shipment_id}, which is under way`,
    { carrier_code, tracking_number, shipment_id },
  );
}
