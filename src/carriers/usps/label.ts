import type { Address } from "../../domain/address.ts";
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
import { stableUuid } from "../stable-uuid.ts";
import { voidEach, voidOnceMore } from "../void-again.ts";
import { dateIn } from "../wall-clock.ts";
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
  return {
    sequence_number,
    tracking_number: trackingNumber,
    format: LABEL_FORMATS[imageType],
    data: bytesOf(labelImage),
  };
}

function labelRequestOf(
  { imageType, service, rateIndicator, processingCategory, timeZone }: UspsSettings,
  request: LabelRequest,
  { weight, length, width, height }: LabelPackage,
  now: Date,
): object {
  return {
    imageInfo: { imageType, labelType: "4X6LABEL", receiptOption: "NONE" },
    fromAddress: addressOf(request.from),
    toAddress: addressOf(request.to),
    packageDescription: {
      mailClass: request.service || service,
      rateIndicator,
      processingCategory,
      destinationEntryFacilityType: "NONE",
      mailingDate: dateIn(timeZone, now),
      weightUOM: "lb",
      weight: pounds(weight),
      dimensionsUOM: "in",
      length: inches(length),
      width: inches(width),
      height: inches(height),
      customerReference: [{ referenceNumber: request.reference.slice(0, 30), printReferenceNumber: false }],
    },
  };
}

function addressOf({ contact_name, company, street, street2, city, state, postal_code }: Address): object {
  const words = contact_name.split(/\s+/).filter(Boolean);
  const [ZIPCode = "", ZIPPlus4] = postal_code.split("-");
  return {
    ...(words.length > 0 ? { firstName: words.slice(0, -1).join(" ") || words[0] } : {}),
    ...(words.length > 1 ? { lastName: words.at(-1) } : {}),
    ...(company ? { firm: company } : {}),
    streetAddress: street,
    ...(street2 ? { secondaryAddress: street2 } : {}),
    city,
    state,
    ZIPCode,
    ...(ZIPPlus4 ? { ZIPPlus4 } : {}),
  };
}

function pounds(kg: number): number {
  return Math.max(0.001, Math.round((kg / 0.45359237) * 1000) / 1000);
}

function inches(cm: number): number {
  return Math.round((cm / 2.54) * 100) / 100;
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
