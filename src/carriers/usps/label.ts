import { requireParts } from "../address-parts.ts";
import { type CarrierHost, unreadable } from "../answers.ts";
import { buyBoxByBox } from "../box-by-box.ts";
import {
  type BoughtLabel,
  CarrierRefusal,
  type LabelPackage,
  type LabelPurchase,
  type LabelRequest,
  type LabelToVoid,
} from "../carrier.ts";
import { formatOfLabel } from "../label-format.ts";
import { stableUuid } from "../stable-uuid.ts";
import { voidEach, voidOnceMore } from "../void-again.ts";
import { labelRequestOf } from "./label-request.ts";
import { LABEL_FORMATS, type UspsSettings } from "./settings.ts";
import { bytesOf, estimateOf, readSoldLabel, type SoldLabel } from "./sold-label.ts";

export async function buyUspsLabels(
  host: CarrierHost,
  settings: UspsSettings,
  request: LabelRequest,
  now: Date,
): Promise<LabelPurchase> {
  const { from, to } = request;
  requireParts("USPS", { from, to }, ["street", "city", "state", "postal_code"]);
  if (from.country !== "US" || to.country !== "US")
    throw new CarrierRefusal(
      `USPS wants a customs declaration for a parcel from ${from.country || "?"} to ${to.country || "?"}, and items have ` +
        "no value, country of origin and tariff code here: only parcels from US to US can be sent",
      "INTERNATIONAL",
    );
  let estimated: string | undefined;
  const labels = await buyBoxByBox(request.packages, async (box) => {
    const sold = await buyOnce(host, settings, { request, box, now });
    estimated ??= estimateOf(sold);
    return labelOf(sold, box, settings);
  });
  return { labels, ...(estimated ? { estimated_delivery_date: estimated } : {}) };
}

/** The key is known, with another request. */
const KEY_KNOWN = ["160422", "409"];
const DAY_MS = 86_400_000;

/** The day of mailing is part of the request: what may have been bought yesterday is asked for as it was then. */
async function buyOnce(host: CarrierHost, settings: UspsSettings, wanted: WantedLabel): Promise<SoldLabel> {
  try {
    return await buyOne(host, settings, wanted);
  } catch (error) {
    if (!(error instanceof CarrierRefusal && KEY_KNOWN.includes(error.code))) throw error;
    return buyOne(host, settings, { ...wanted, now: new Date(wanted.now.getTime() - DAY_MS) });
  }
}

interface WantedLabel {
  request: LabelRequest;
  box: LabelPackage;
  now: Date;
}

/** Under the same key USPS gives the same label again, and charges nothing for it. */
async function buyOne(
  host: CarrierHost,
  settings: UspsSettings,
  { request, box, now }: WantedLabel,
): Promise<SoldLabel> {
  const call = {
    operation: "create_label",
    method: "POST",
    path: "labels/v3/label",
    headers: {
      "content-type": "application/json",
      accept: "application/vnd.usps.labels+json",
      "x-idempotency-key": stableUuid(`usps label ${request.reference} ${box.sequence_number}`),
    },
    body: JSON.stringify(labelRequestOf(settings, request, box, now)),
    buys: true,
  } as const;
  const answer = await host.ask(call);
  try {
    return readSoldLabel(answer);
  } catch (error) {
    throw unreadable("USPS's label", call, error);
  }
}

function labelOf(
  { trackingNumber, labelImage }: SoldLabel,
  { sequence_number }: LabelPackage,
  { imageType }: UspsSettings,
): BoughtLabel {
  const data = bytesOf(labelImage);
  const format = formatOfLabel(data) ?? LABEL_FORMATS[imageType];
  return { sequence_number, tracking_number: trackingNumber, format, data };
}

/** Before the night's manifest a label is cancelled; after it USPS takes the same call for a claim to a refund. */
export function voidUspsLabels(host: CarrierHost, { tracking_numbers }: LabelToVoid): Promise<void> {
  return voidEach(tracking_numbers, (number) =>
    voidOnceMore(async () => {
      const path = `labels/v3/label/${encodeURIComponent(number)}`;
      await host.ask({ operation: "void_label", method: "DELETE", path });
    }, /order not found|already/i),
  );
}
