import type { Address } from "../../domain/address.ts";
import { requireParts } from "../address-parts.ts";
import type { CarrierHost } from "../answers.ts";
import { buyBoxByBox } from "../box-by-box.ts";
import { type BoughtLabel, CarrierRefusal, type LabelPurchase, type LabelRequest } from "../carrier.ts";
import type { CanadaPostSettings } from "./settings.ts";
import { shipmentDocument } from "./shipment-document.ts";
import { createShipment, fetchLabel, findShipment } from "./shipments.ts";

/** Each box is a shipment of its own there, also when only some of them are left to buy. */
export function requestIdOf(reference: string, sequence_number: number): string {
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
      `Canada Post wants a customs declaration for a parcel from ${from.country} to ${to.country}, and items have no ` +
        "value, currency, country of origin and tariff code here: only parcels from CA to CA can be sent",
      "INTERNATIONAL",
    );
  assertShort({ from, to });
  if (reference.length > 32)
    throw new CarrierRefusal("the reference is too long for Canada Post", "REFERENCE");
}

const LONGEST = { street: 44, street2: 44, city: 40, state: 20 } as const;

/** Nothing of an address is cut off: the parcel might arrive elsewhere. */
function assertShort(addresses: Record<"from" | "to", Address>): void {
  for (const [whose, address] of Object.entries(addresses))
    for (const part of ["street", "street2", "city", "state"] as const)
      if (address[part].length > LONGEST[part])
        throw new CarrierRefusal(
          `Canada Post takes ${LONGEST[part]} characters in ${whose}.${part}, not ${address[part].length}`,
          "ADDRESS_TOO_LONG",
        );
}
