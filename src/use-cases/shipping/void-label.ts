import type { Carrier, Carriers, LabelRequest, LabelToVoid } from "../../carriers/carrier.ts";
import type { Database } from "../../db/database.ts";
import {
  dropAttempts,
  endAttempt,
  keepUnwanted,
  type LabelAttempt,
  listUnwanted,
} from "../../db/label-attempts.ts";
import { findLabelOrder, listGoods, listParcels } from "../../db/labels.ts";
import { lockShipment } from "../../db/shipments.ts";
import { inTransaction } from "../../db/transaction.ts";
import { type CallUntil, requestOf } from "./buy-label.ts";
import { assertFree } from "./claim-label.ts";
import { markVoided } from "./drop-label.ts";
import { verdictOf } from "./purchase-labels.ts";

interface VoidJob {
  shipment_id: bigint;
  calling?: CallUntil;
}

/**
 * Gives back to the carrier whatever was bought, or may have been bought, for a shipment that doesn't want it any more.
 * Voiding is safe to repeat.
 */
export async function voidLabel(
  db: Database,
  carriers: Carriers,
  { shipment_id, calling = (_until, call) => call() }: VoidJob,
): Promise<void> {
  await dropLabels(db, shipment_id);
  for (const attempt of await listUnwanted(db, shipment_id)) {
    // Whoever is at it may be buying this very moment; he sees that it is unwanted when he stores it.
    assertFree(attempt);
    await giveBack(db, carriers, attempt, (call) => calling(Number.POSITIVE_INFINITY, call));
  }
}

/** A cancelled shipment's labels are voided, as those are that were replaced by a number given by hand. */
async function dropLabels(db: Database, shipment_id: bigint): Promise<void> {
  await inTransaction(db, async (trx) => {
    const shipment = await lockShipment(trx, shipment_id);
    if (shipment.status !== "cancelled" && shipment.label_status !== "voided") return;
    await dropAttempts(trx, shipment_id);
    if (shipment.label_status !== "voided") await markVoided(trx, shipment);
  });
}

type Calling = <T>(call: () => Promise<T>) => Promise<T>;

async function giveBack(
  db: Database,
  carriers: Carriers,
  attempt: LabelAttempt,
  calling: Calling,
): Promise<void> {
  const carrier = carriers.get(attempt.carrier_code);
  if (!carrier) throw new Error(`this process cannot reach carrier ${attempt.carrier_code}`);
  try {
    await calling(() => voidBought(db, carrier, attempt));
    await inTransaction(db, (trx) => endAttempt(trx, attempt.id, "voided"));
  } catch (error) {
    if (verdictOf(error) !== "refused") throw error;
    await inTransaction(db, (trx) => keepUnwanted(trx, attempt.id, String(error).slice(0, 500)));
  }
}

/** Where it is not known what was bought, the carrier is asked first, if it can tell. */
async function voidBought(db: Database, carrier: Carrier, attempt: LabelAttempt): Promise<void> {
  if (!carrier.voidLabel) return; // its labels cost nothing until they are scanned
  const known = attempt.tracking_numbers.length > 0;
  if (!known && attempt.first_called_at === null) return; // nothing was ever out
  const request = () => requestAgain(db, attempt);
  if (known || !carrier.findByReference) return carrier.voidLabel({ ...labelOf(attempt), request });
  const found = await carrier.findByReference(await request());
  if (!found) return undefined;
  const tracking_numbers = found.labels.map((label) => label.tracking_number);
  return carrier.voidLabel({
    ...labelOf(attempt),
    request,
    tracking_numbers,
    carrier_reference: found.carrier_reference,
  });
}

function labelOf({ reference, tracking_numbers, carrier_reference }: LabelAttempt): LabelToVoid {
  return { reference, tracking_numbers, ...(carrier_reference === null ? {} : { carrier_reference }) };
}

async function requestAgain(db: Database, { shipment_id, reference }: LabelAttempt): Promise<LabelRequest> {
  const order = await findLabelOrder(db, shipment_id);
  if (!order) throw new Error(`no shipment ${shipment_id}`);
  const parcels = await listParcels(db, shipment_id);
  return { ...requestOf(order, parcels, await listGoods(db, shipment_id)), reference };
}
