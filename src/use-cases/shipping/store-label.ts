import type { LabelPurchase } from "../../carriers/carrier.ts";
import type { Database } from "../../db/database.ts";
import { insertSurplus, type LabelAttempt, lockAttempt, storeBought } from "../../db/label-attempts.ts";
import { labelUrl, type NewLabel, type ParcelToLabel, storeLabels } from "../../db/labels.ts";
import { lockOrder } from "../../db/orders.ts";
import { isOutOfReach } from "../../db/out-of-reach.ts";
import { appendEvents } from "../../db/outbox.ts";
import { showTaskLabel } from "../../db/packing.ts";
import { insertShipmentEvents } from "../../db/shipment-events.ts";
import { findNumberHolder, lockShipment, type ShipmentRow } from "../../db/shipments.ts";
import { inTransaction, OutcomeUnknownError, type Transaction } from "../../db/transaction.ts";
import { type DomainEvent, event } from "../../domain/events.ts";
import { type ClaimedPurchase, suspendLabel } from "./claim-label.ts";
import { askToVoid } from "./drop-label.ts";
import { settleShipments } from "./hand-over.ts";
import { firstNumber } from "./put-under-number.ts";

const TRIES = 6;
const FIRST_PAUSE_MS = 500;

/**
 * Keeps what the carrier sold. It counts also when it comes late, as long as nothing else has taken its place; otherwise
 * it is given back. What was paid for is not given up because the database restarts: storing it twice is storing it once.
 */
export async function storePurchase(
  db: Database,
  claimed: ClaimedPurchase,
  parcels: readonly ParcelToLabel[],
  purchase: LabelPurchase,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await storeOnce(db, claimed, parcels, purchase);
    } catch (error) {
      const worthIt = error instanceof OutcomeUnknownError || isOutOfReach(error);
      if (!worthIt || attempt === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, FIRST_PAUSE_MS * 2 ** (attempt - 1)));
    }
  }
}

async function storeOnce(
  db: Database,
  { attempt_id, shipment_id, order_id }: ClaimedPurchase,
  parcels: readonly ParcelToLabel[],
  purchase: LabelPurchase,
): Promise<void> {
  await inTransaction(db, async (trx) => {
    await lockOrder(trx, order_id);
    const shipment = await lockShipment(trx, shipment_id);
    const attempt = await lockAttempt(trx, attempt_id);
    const bought = boughtOf(purchase);
    const taken = await findTaken(trx, shipment, bought.tracking_numbers);
    if (isAwaited(shipment, attempt) && taken) {
      if (attempt.status === "calling") await suspendLabel(trx, attempt, taken);
    } else if (isAwaited(shipment, attempt)) {
      await storeBought(trx, attempt_id, { ...bought, status: "bought" });
      await showLabels(trx, shipment, newLabels(parcels, purchase), purchase.estimated_delivery_date ?? null);
    } else if (!isTheSame(attempt, bought.tracking_numbers)) {
      if (attempt.status === "bought") await insertSurplus(trx, attempt, bought);
      else await storeBought(trx, attempt_id, { ...bought, status: "unwanted" });
      await askToVoid(trx, shipment_id);
    }
  });
}

/** A carrier that sells a number twice, while its first parcel is under way, has to be asked by somebody. */
async function findTaken(
  trx: Transaction,
  { id, carrier_code }: ShipmentRow,
  [number]: readonly string[],
): Promise<string | undefined> {
  const holder = number && (await findNumberHolder(trx, carrier_code, number, id));
  return holder ? `the carrier sold number ${number}, which is that of shipment ${holder}` : undefined;
}

function boughtOf({ labels, carrier_reference }: LabelPurchase) {
  return { tracking_numbers: labels.map((label) => label.tracking_number), carrier_reference };
}

/** The shipment still wants a label, and this is the purchase that it waits for. */
function isAwaited({ status, label_status }: ShipmentRow, attempt: LabelAttempt): boolean {
  if (status === "cancelled" || !["requested", "needs_review"].includes(label_status)) return false;
  return attempt.status === "calling" || attempt.status === "in_doubt";
}

/** Two who asked under one reference were told the same. */
function isTheSame({ status, tracking_numbers }: LabelAttempt, bought: readonly string[]): boolean {
  return ["bought", "voided"].includes(status) && tracking_numbers.join() === bought.join();
}

function newLabels(parcels: readonly ParcelToLabel[], { labels }: LabelPurchase): NewLabel[] {
  const byBox = new Map(labels.map((label) => [label.sequence_number, label]));
  return parcels.flatMap(({ package_id, sequence_number }) => {
    const label = byBox.get(sequence_number);
    return label ? [{ package_id, ...label }] : [];
  });
}

async function showLabels(
  trx: Transaction,
  shipment: ShipmentRow,
  labels: readonly NewLabel[],
  estimated_delivery_date: string | null,
): Promise<void> {
  const { id: shipment_id, fulfillment_id, carrier_code } = shipment;
  await storeLabels(trx, shipment_id, labels, estimated_delivery_date);
  if (fulfillment_id !== null) await showTaskLabel(trx, fulfillment_id);
  const tracking_numbers = labels.map((label) => label.tracking_number).join(",");
  const payload = { carrier_code, tracking_numbers };
  await insertShipmentEvents(trx, [{ shipment_id, event_type: "LABEL_CREATED", payload }]);
  const settled = await settleShipments(trx, [shipment]);
  await appendEvents(trx, [...labelEvents(shipment, labels), ...settled]);
}

function labelEvents(shipment: ShipmentRow, labels: readonly NewLabel[]): DomainEvent[] {
  const [first] = labels;
  if (!first) return [];
  const { id: shipment_id, order_id, carrier_code } = shipment;
  const label_url = labelUrl(first.package_id);
  const { tracking_number } = first;
  return [
    ...firstNumber(shipment, tracking_number),
    event("shipment.label_created", { shipment_id, order_id, tracking_number, carrier_code, label_url }),
  ];
}
