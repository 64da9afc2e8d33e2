import type { Carrier } from "../../carriers/carrier.ts";
import type { Database } from "../../db/database.ts";
import {
  claimAttempt,
  endAttempt,
  insertAttempt,
  type LabelAttempt,
  lockLiveAttempt,
} from "../../db/label-attempts.ts";
import { insertShipmentEvents } from "../../db/shipment-events.ts";
import { lockShipment, type ShipmentRow, updateLabelStatus } from "../../db/shipments.ts";
import { inTransaction, type Transaction } from "../../db/transaction.ts";
import { nextStep } from "../../domain/label-purchase.ts";
import { askToVoid } from "./drop-label.ts";

/** Nothing has failed: somebody is at it, or it is too early to look. The job comes back in so many seconds. */
class LabelBusy extends Error {
  readonly busy = true;
  readonly retryAfterSeconds: number;

  constructor(shipment_id: bigint, seconds: number) {
    super(
      `the label of shipment ${shipment_id} is being seen to; to be asked again in ${Math.ceil(seconds)} s`,
    );
    this.name = "LabelBusy";
    this.retryAfterSeconds = Math.ceil(seconds);
  }
}

/** Whoever is at it is usually done long before his time is over. */
const LOOK_AGAIN_SECONDS = 5;

export function assertFree({ shipment_id, held_seconds }: LabelAttempt): void {
  if (held_seconds > 0) throw new LabelBusy(shipment_id, Math.min(held_seconds, LOOK_AGAIN_SECONDS));
}

/** A purchase that is ours for a while. */
export interface ClaimedPurchase {
  attempt_id: bigint;
  shipment_id: bigint;
  order_id: bigint;
  reference: string;
  claim: number;
  /** Ask first what was bought under the reference. */
  look_up: boolean;
  /** Nothing was out before, so that what the carrier says to us is the whole truth. */
  clean: boolean;
}

/**
 * Puts on record that the carrier is going to be called for a shipment's labels, so that whoever comes after a crash
 * knows. Of several who try at once one gets it. Otherwise: there is nothing to buy, or somebody has to look first.
 */
export async function claimLabel(
  db: Database,
  carrier: Carrier,
  { shipment_id, seconds }: { shipment_id: bigint; seconds: number },
): Promise<ClaimedPurchase | "nothing" | "in_doubt"> {
  return inTransaction(db, async (trx) => {
    const shipment = await lockShipment(trx, shipment_id);
    const live = await lockLiveAttempt(trx, shipment_id);
    if (!isWanted(shipment)) return dropUnwanted(trx, shipment, live);
    if (shipment.carrier_code !== carrier.code) throw new LabelBusy(shipment_id, 1); // it has just been changed
    const attempt = live ?? (await insertAttempt(trx, { shipment_id, carrier_code: carrier.code }));
    assertFree(attempt);
    const next = nextStep(attempt, carrier.capabilities);
    if (next.step === "wait") throw new LabelBusy(shipment_id, next.seconds);
    if (next.step === "review") return suspendLabel(trx, attempt, next.why);
    const { id: attempt_id, reference } = attempt;
    const claim = await claimAttempt(trx, attempt_id, seconds);
    const look_up = next.step === "look_up";
    const clean = attempt.status === "open";
    return { attempt_id, shipment_id, order_id: shipment.order_id, reference, claim, look_up, clean };
  });
}

/** It may have been bought, and only a human can find out: nothing is bought until then. */
export async function suspendLabel(
  trx: Transaction,
  attempt: LabelAttempt,
  why: string,
): Promise<"in_doubt"> {
  const { id, shipment_id, carrier_code, reference } = attempt;
  await endAttempt(trx, id, "in_doubt", why);
  await updateLabelStatus(trx, shipment_id, "needs_review");
  const payload = { carrier_code, reference, reason: why.slice(0, 500) };
  await insertShipmentEvents(trx, [{ shipment_id, event_type: "LABEL_NEEDS_REVIEW", payload }]);
  return "in_doubt";
}

/** Cancelled, or sent under a number given by hand, since the label was asked for. */
function isWanted({ status, label_status }: ShipmentRow): boolean {
  return label_status === "requested" && status !== "cancelled";
}

/** An earlier attempt may have bought it and crashed, so the carrier is told. */
async function dropUnwanted(
  trx: Transaction,
  { id, status, label_status }: ShipmentRow,
  live: LabelAttempt | undefined,
): Promise<"nothing"> {
  if (live && (status === "cancelled" || label_status === "voided")) await askToVoid(trx, id);
  return "nothing";
}
