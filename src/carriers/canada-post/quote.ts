import { z } from "zod";
import type { Address } from "../../domain/address.ts";
import { sumOfAmounts } from "../../domain/cheapest-quote.ts";
import { requireParts } from "../address-parts.ts";
import type { CarrierHost } from "../answers.ts";
import { CarrierRefusal, type LabelPackage, type LabelRequest, type Quote } from "../carrier.ts";
import { quotedAmount } from "../quoted.ts";
import { writeXml } from "../xml.ts";
import { readDocument } from "./canada-post-host.ts";
import type { CanadaPostSettings } from "./settings.ts";
import { characteristicsOf, postalCode } from "./shipment-document.ts";

const RATE_TYPE = "application/vnd.cpc.ship.rate-v4+xml";
const NAMESPACE = "http://www.canadapost.ca/ws/ship/rate-v4";

const quotesSchema = z.object({
  "price-quotes": z.object({
    "price-quote": z.array(
      z.object({
        "service-code": z.string(),
        "price-details": z.object({ due: quotedAmount }),
        "service-standard": z.object({ "expected-transit-time": z.coerce.number().optional() }).optional(),
      }),
    ),
  }),
});

/** What Canada Post would take for the boxes, taxes included; it prices one at a time. */
export async function quoteCanadaPost(
  host: CarrierHost,
  settings: CanadaPostSettings,
  request: LabelRequest,
): Promise<Quote[]> {
  const { from, to, packages } = request;
  requireParts("Canada Post", { from, to }, ["postal_code", "country"]);
  if (from.country !== "CA" || to.country !== "CA")
    throw new CarrierRefusal("Canada Post's prices are asked for within Canada only", "INTERNATIONAL");
  const service = request.service || settings.service;
  const boxes = await Promise.all(
    packages.map((box) => quoteBox(host, settings, { from, to, service, box })),
  );
  const amount = sumOfAmounts(boxes.map((box) => box.amount));
  return [{ service, amount, currency: "CAD", days: boxes[0]?.days ?? null }];
}

interface Box {
  from: Address;
  to: Address;
  service: string;
  box: LabelPackage;
}

async function quoteBox(
  host: CarrierHost,
  settings: CanadaPostSettings,
  wanted: Box,
): Promise<{ amount: string; days: number | null }> {
  const call = {
    operation: "quote",
    method: "POST",
    path: "rs/ship/price",
    headers: { accept: RATE_TYPE, "content-type": RATE_TYPE },
    body: scenario(settings, wanted),
    repeatable: true,
  } as const;
  const quotes = readDocument(await host.ask(call), call, quotesSchema)["price-quotes"]["price-quote"];
  const quote = quotes.find((one) => one["service-code"] === wanted.service);
  if (!quote)
    throw new CarrierRefusal(`Canada Post has no price for ${wanted.service} there`, "SERVICE_NOT_OFFERED");
  const days = quote["service-standard"]?.["expected-transit-time"] ?? null;
  return { amount: quote["price-details"].due, days };
}

function scenario(settings: CanadaPostSettings, { from, to, service, box }: Box): string {
  return writeXml({
    "mailing-scenario": {
      "@xmlns": NAMESPACE,
      "customer-number": settings.customerNumber,
      "contract-id": settings.contractId,
      "parcel-characteristics": characteristicsOf(box),
      services: { "service-code": service },
      "origin-postal-code": postalCode(from),
      destination: { domestic: { "postal-code": postalCode(to) } },
    },
  });
}
