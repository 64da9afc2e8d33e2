import type { CarrierHost } from "../answers.ts";
import { CarrierRefusal, type LabelToVoid } from "../carrier.ts";
import { voidEach, voidOnceMore } from "../void-again.ts";
import { SHIPMENT_TYPE } from "./canada-post-host.ts";
import { requestIdOf } from "./label.ts";
import type { CanadaPostSettings } from "./settings.ts";
import { refundDocument } from "./shipment-document.ts";
import { type CanadaPostShipment, findShipment, shipmentsPath } from "./shipments.ts";

/** Gives back every shipment that was bought under the reference, whether or not we ever learned its number. */
export async function voidCanadaPostLabels(
  host: CarrierHost,
  settings: CanadaPostSettings,
  label: LabelToVoid,
): Promise<void> {
  const found = await findByRequest(host, settings, label);
  const shipments = found.length > 0 ? found : await findByNumber(host, settings, label);
  await voidEach(shipments, (shipment) => giveBack(host, settings, shipment));
}

/** A shipment that is voided can't be found any more, so those of a reference need not begin with the first. */
const MISSES_IN_A_ROW = 5;

async function findByRequest(
  host: CarrierHost,
  settings: CanadaPostSettings,
  { reference, tracking_numbers }: LabelToVoid,
): Promise<CanadaPostShipment[]> {
  const found: CanadaPostShipment[] = [];
  for (let box = 1, misses = 0; misses < MISSES_IN_A_ROW; box++) {
    const shipment = await findShipment(host, settings, { requestId: requestIdOf(reference, box) });
    misses = shipment ? 0 : misses + 1;
    if (shipment) found.push(shipment);
    if (box === 1 && tracking_numbers.length === 1) break;
  }
  return found;
}

async function findByNumber(
  host: CarrierHost,
  settings: CanadaPostSettings,
  { tracking_numbers }: LabelToVoid,
): Promise<CanadaPostShipment[]> {
  const found: CanadaPostShipment[] = [];
  for (const trackingPIN of tracking_numbers) {
    const shipment = await findShipment(host, settings, { trackingPIN });
    if (shipment) found.push(shipment);
  }
  return found;
}

/** "A Shipment can only be void if it is in a PROCESSED or PRINTED state": it was transmitted in the meantime. */
const TOO_LATE_TO_VOID = "8064";

async function giveBack(
  host: CarrierHost,
  settings: CanadaPostSettings,
  shipment: CanadaPostShipment,
): Promise<void> {
  if (shipment.status === "transmitted") return askForRefund(host, settings, shipment);
  const path = `${shipmentsPath(settings)}/${encodeURIComponent(shipment.id)}`;
  try {
    await host.find({ operation: "void_label", method: "DELETE", path, headers: { accept: SHIPMENT_TYPE } });
  } catch (error) {
    if (!(error instanceof CarrierRefusal && error.code === TOO_LATE_TO_VOID)) throw error;
    await askForRefund(host, settings, shipment);
  }
}

const REFUND_ASKED_BEFORE = /\b7292\b|already\s(been\s)?(requested|submitted)/i;

function askForRefund(
  host: CarrierHost,
  settings: CanadaPostSettings,
  { id, link }: CanadaPostShipment,
): Promise<void> {
  return voidOnceMore(async () => {
    await host.ask({
      operation: "refund_label",
      method: "POST",
      path: link("refund")?.path ?? `${shipmentsPath(settings)}/${encodeURIComponent(id)}/refund`,
      headers: { "content-type": SHIPMENT_TYPE, accept: SHIPMENT_TYPE },
      body: refundDocument(settings.refundEmail),
    });
  }, REFUND_ASKED_BEFORE);
}
