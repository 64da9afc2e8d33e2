import { z } from "zod";
import { sumOfAmounts } from "../../domain/cheapest-quote.ts";
import { requireParts } from "../address-parts.ts";
import type { CarrierHost } from "../answers.ts";
import { CarrierRefusal, type LabelPackage, type LabelRequest, type Quote } from "../carrier.ts";
import { quotedAmount } from "../quoted.ts";
import { dateIn } from "../wall-clock.ts";
import { measuresOf } from "./measures.ts";
import type { UspsSettings } from "./settings.ts";

const priceSchema = z.object({ totalBasePrice: quotedAmount });

/** What USPS would take for the boxes by commercial prices; it prices one at a time. */
export async function quoteUsps(
  host: CarrierHost,
  settings: UspsSettings,
  request: LabelRequest,
  now: Date,
): Promise<Quote[]> {
  const { from, to, packages } = request;
  requireParts("USPS", { from, to }, ["postal_code", "country"]);
  if (from.country !== "US" || to.country !== "US")
    throw new CarrierRefusal("USPS's prices are asked for within the United States only", "INTERNATIONAL");
  const service = request.service || settings.service;
  const prices = await Promise.all(
    packages.map((box) => quoteBox(host, settings, { ...request, service, box, now })),
  );
  return [{ service, amount: sumOfAmounts(prices), currency: "USD", days: null }];
}

type Box = Pick<LabelRequest, "from" | "to" | "service"> & { box: LabelPackage; now: Date };

async function quoteBox(
  host: CarrierHost,
  settings: UspsSettings,
  { from, to, service, box, now }: Box,
): Promise<string> {
  const { processingCategory, rateIndicator, accountType, accountNumber, timeZone } = settings;
  const call = {
    operation: "quote",
    method: "POST",
    path: "prices/v3/base-rates/search",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      originZIPCode: from.postal_code.slice(0, 5),
      destinationZIPCode: to.postal_code.slice(0, 5),
      ...measuresOf(box),
      mailClass: service,
      processingCategory,
      rateIndicator,
      destinationEntryFacilityType: "NONE",
      priceType: "COMMERCIAL",
      mailingDate: dateIn(timeZone, now),
      accountType,
      accountNumber,
    }),
    repeatable: true,
  } as const;
  return (await host.askJson(call, priceSchema)).totalBasePrice;
}
