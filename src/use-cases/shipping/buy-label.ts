import type { Carrier, Carriers, LabelRequest } from "../../carriers/carrier.ts";
import type { Database } from "../../db/database.ts";
import {
  endAttempt,
  type LabelAttempt,
  lockAttempt,
  releaseAttempt,
  reopenAttempt,
} from "../../db/label-attempts.ts";
import {
  findLabelOrder,
  type LabelOrder,
  listGoods,
  listParcels,
  type ParcelGoods,
  type ParcelToLabel,
} from "../../db/labels.ts";
import { insertShipmentEvents } from "../../db/shipment-events.ts";
import { lockShipment, updateLabelStatus } from "../../db/shipments.ts";
import { inTransaction, type Transaction } from "../../db/transaction.ts";
import { type AfterFailure, afterFailure } from "../../domain/label-purchase.ts";
import { failpoint } from "../../failpoint.ts";
import { type ClaimedPurchase, claimLabel, suspendLabel } from "./claim-label.ts";
import { purchaseLabels, verdictOf } from "./purchase-labels.ts";
import { refuseBadAddress } from "./refuse-address.ts";
import { storePurchase } from "./store-label.ts";

/** Runs a call to a carrier, which must not be made any more after this moment on the clock of `performance.now()`. */
export type CallUntil = <T>(until: number, call: () => Promise<T>) => Promise<T>;

/** `in_doubt`: somebody has to look whether it was bought. `nothing`: there was nothing to buy any more. */
export type LabelOutcome = "bought" | "refused" | "in_doubt" | "nothing";

interface LabelJob {
  shipment_id: bigint;
  calling?: CallUntil;
}

/** How long a purchase is ours: for a token, and for a call for each box. No call outlasts it. */
const CLAIM_SECONDS = 20;
/** The clocks of two machines tick nearly alike. */
const MARGIN_MS = 3_000;

/**
 * Buys the labels of a shipment that waits for them, once: the attempt is committed before the carrier is called, and
 * the call is made outside of any transaction, under a reference that stays the same until it is settled. After a lost
 * answer or a crash, the carrier's own way of telling what was bought decides how it goes on. Throws whatever is worth
 * another try.
 */
export async function buyLabel(
  db: Database,
  carriers: Carriers,
  { shipment_id, calling = (_until, call) => call() }: LabelJob,
): Promise<LabelOutcome> {
  const order = await findLabelOrder(db, shipment_id);
  if (!order || order.label_status === "created") return "nothing";
  const carrier = carriers.get(order.carrier_code);
  if (!carrier) throw new Error(`this process cannot reach carrier ${order.carrier_code}`);
  const parcels = await listParcels(db, shipment_id);
  const request = requestOf(order, parcels, await listGoods(db, shipment_id));
  if (await refuseBadAddress(db, carrier, { shipment_id, to: request.to })) return "refused";
  const seconds = CLAIM_SECONDS * (1 + parcels.length);
  const until = performance.now() + seconds * 1000 - MARGIN_MS; // asked before the claim, so that it is over before it
  const claimed = await claimLabel(db, carrier, { shipment_id, seconds });
  if (typeof claimed === "string") return claimed;
  failpoint("label.claimed");
  const call = () => purchaseLabels(carrier, { ...request, reference: claimed.reference }, claimed.look_up);
  const answer = await calling(until, call).then(
    (bought) => ({ bought }),
    (error: unknown) => ({ error }),
  );
  if ("error" in answer) return settleFailure(db, carrier, claimed, answer.error);
  failpoint("label.bought");
  await storePurchase(db, claimed, parcels, answer.bought);
  return "bought";
}

export function requestOf(
  order: LabelOrder,
  parcels: readonly ParcelToLabel[],
  goods: readonly ParcelGoods[],
): Omit<LabelRequest, "reference"> {
  const [first] = parcels;
  if (!first) throw new Error(`shipment ${order.shipment_id} has no boxes to label`);
  return {
    service: order.service,
    order_number: first.content.order_number,
    from: first.content.from,
    to: first.content.to,
    packages: parcels.map(({ sequence_number, weight, length, width, height, sscc }) => ({
      sequence_number,
      weight,
      length,
      width,
      height,
      ...(sscc === null ? {} : { sscc }),
    })),
    goods,
  };
}

/** What a failed call means: nothing more to do for this job, or its error again. */
async function settleFailure(
  db: Database,
  carrier: Carrier,
  claimed: ClaimedPurchase,
  error: unknown,
): Promise<LabelOutcome> {
  const settled = await writeDown(db, carrier, claimed, error);
  if (settled === "refuse") return "refused";
  if (settled === "doubt") return "in_doubt";
  throw error;
}

/** Who was overtaken meanwhile knows less than whoever has the purchase now. */
async function writeDown(
  db: Database,
  { capabilities }: Carrier,
  { attempt_id, claim, clean, shipment_id }: ClaimedPurchase,
  error: unknown,
): Promise<AfterFailure> {
  return inTransaction(db, async (trx) => {
    await lockShipment(trx, shipment_id);
    const attempt = await lockAttempt(trx, attempt_id);
    if (attempt.claim !== claim || attempt.status !== "calling") return "keep";
    const words = String(error).slice(0, 500);
    const after = afterFailure(verdictOf(error), clean, capabilities);
    if (after === "excuse") await reopenAttempt(trx, attempt_id, words);
    if (after === "keep") await releaseAttempt(trx, attempt_id, words);
    if (after === "doubt") await suspendLabel(trx, attempt, words);
    if (after === "refuse") await failLabel(trx, attempt, words);
    return after;
  });
}

async function failLabel(
  trx: Transaction,
  { id, shipment_id, carrier_code, reference }: LabelAttempt,
  error: string,
): Promise<void> {
  await endAttempt(trx, id, "refused", error);
  const shipment = await lockShipment(trx, shipment_id);
  if (shipment.label_status !== "requested") return;
  await updateLabelStatus(trx, shipment_id, "failed");
  const payload = { error, carrier_code, reference };
  await insertShipmentEvents(trx, [{ shipment_id, event_type: "LABEL_FAILED", payload }]);
}
