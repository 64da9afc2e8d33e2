import { z } from "zod";
import type { Address } from "../../domain/address.ts";
import { sumOfAmounts } from "../../domain/cheapest-quote.ts";
import { requireParts } from "../address-parts.ts";
import { type CarrierHost, unreadable } from "../answers.ts";
import { CarrierRefusal, type LabelPackage, type LabelRequest, type Quote } from "../carrier.ts";
import { quotedAmount } from "../quoted.ts";
import { createXmlReader, writeXml } from "../xml.ts";
import type { CanadaPostSettings } from "./settings.ts";

const RATE_TYPE = "application/vnd.cpc.ship.rate-v4+xml";
const NAMESPACE = "http://www.canadapost.ca/ws/ship/rate-v4";

const readXml = createXmlReader(["price-quote"]);
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
  const answer = await host.ask(call);
  const quotes = readQuotes(answer.body, call);
  const quote = quotes.find((one) => one["service-code"] === wanted.service);
  if (!quote)
    throw new CarrierRefusal(`Canada Post has no price for ${wanted.service} there`, "SERVICE_NOT_OFFERED");
  const days = quote["service-standard"]?.["expected-transit-time"] ?? null;
  return { amount: quote["price-details"].due, days };
}

function readQuotes(body: Buffer, call: Parameters<typeof unreadable>[1]) {
  try {
    return quotesSchema.parse(readXml(body.toString("utf8")))["price-quotes"]["price-quote"];
  } catch (error) {
    throw unreadable("Canada Post's prices", call, error);
  }
}

function scenario(settings: CanadaPostSettings, { from, to, service, box }: Box): string {
  const { length, width, height } = box;
  const isMeasured = Math.min(length, width, height) > 0;
  return writeXml({
    "mailing-scenario": {
      "@xmlns": NAMESPACE,
      "customer-number": settings.customerNumber,
      "contract-id": settings.contractId,
      "parcel-characteristics": {
        weight: rounded(box.weight, 3),
        dimensions: isMeasured
          ? { length: rounded(length, 1), width: rounded(width, 1), height: rounded(height, 1) }
          : undefined,
      },
      services: { "service-code": service },
      "origin-postal-code": postalCode(from),
      destination: { domestic: { "postal-code": postalCode(to) } },
    },
  });
}

/** The smallest that can be written is more than nothing. */
function rounded(value: number, digits: number): string {
  return String(Math.max(10 ** -digits, Number(value.toFixed(digits))));
}

function postalCode({ postal_code }: Address): string {
  return postal_code.replaceAll(/\s/g, "").toUpperCase();
}
