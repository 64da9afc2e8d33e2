import { requireParts } from "../address-parts.ts";
import type { CarrierHost } from "../answers.ts";
import { buyBoxByBox } from "../box-by-box.ts";
import {
  type BoughtLabel,
  CarrierRefusal,
  type LabelPurchase,
  type LabelRequest,
  type LabelToVoid,
} from "../carrier.ts";
import { voidEach, voidOnceMore } from "../void-again.ts";
import { SHIPMENT_TYPE } from "./canada-post-host.ts";
import type { CanadaPostSettings } from "./settings.ts";
import { refundDocument, shipmentDocument } from "./shipment-document.ts";
import {
  type CanadaPostShipment,
  createShipment,
  fetchLabel,
  findShipment,
  shipmentsPath,
} from "./shipments.ts";

/** Each box is a shipment of its own there, also when only some of them are left to buy. */
function requestIdOf(reference: string, sequence_number: number): string {
  return sequence_number === 1 ? reference : `${reference}.${sequence_number}`;
}

export async function buyCanadaPostLabels(
  host: CarrierHost,
  settings: CanadaPostSettings,
  request: LabelRequest,
): Promise<LabelPurchase> {
  assertPossible(request);
  let estimated: string | undefined;
  const labels = await buyBoxByBox(request.packages, async (box) => {
    const requestId = requestIdOf(request.reference, box.sequence_number);
    const document = shipmentDocument(settings, request, box, requestId);
    const shipment = await createShipment(host, settings, document);
    estimated ??= shipment.estimated;
    return fetchLabel(host, settings, shipment, box.sequence_number);
  });
  return purchaseOf(labels, estimated);
}

/** What was bought, for as many of the boxes as it was. */
export async function findCanadaPostLabels(
  host: CarrierHost,
  settings: CanadaPostSettings,
  { reference, packages }: LabelRequest,
): Promise<LabelPurchase | undefined> {
  let estimated: string | undefined;
  const labels: BoughtLabel[] = [];
  for (const { sequence_number } of packages) {
    const requestId = requestIdOf(reference, sequence_number);
    const shipment = await findShipment(host, settings, { requestId });
    if (!shipment) continue;
    estimated ??= shipment.estimated;
    labels.push(await fetchLabel(host, settings, shipment, sequence_number));
  }
  return labels.length > 0 ? purchaseOf(labels, estimated) : undefined;
}

function purchaseOf(labels: readonly BoughtLabel[], estimated = ""): LabelPurchase {
  return { labels, ...(/^\d{4}-\d{2}-\d{2}$/.test(estimated) ? { estimated_delivery_date: estimated } : {}) };
}

function assertPossible({ from, to, reference }: LabelRequest): void {
  requireParts("Canada Post", { from }, ["phone"]);
  requireParts("Canada Post", { from, to }, ["street", "city", "state", "postal_code", "country"]);
  if (from.country !== "CA" || to.country !== "CA")
    throw new CarrierRefusal(
      `Canada Post parcels from ${from.country} to ${to.country} need a customs declaration, which is not built`,
      "INTERNATIONAL",
    );
  if (reference.length > 32)
    throw new CarrierRefusal("the reference is too long for Canada Post", "REFERENCE");
}

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
  });
}
