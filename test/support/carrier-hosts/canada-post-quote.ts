import { XMLParser } from "fast-xml-parser";
import { z } from "zod";
import type { HostRoute } from "./host.ts";
import { type HostRequest, issuesOf } from "./http-messages.ts";

const RATE = "application/vnd.cpc.ship.rate-v4+xml";
const postalCode = z.string().regex(/^[A-Z]\d[A-Z]\d[A-Z]\d$/);
const decimal = z.string().regex(/^\d{1,3}(\.\d{1,3})?$/);
const scenarioSchema = z.strictObject({
  "mailing-scenario": z.strictObject({
    "@xmlns": z.literal("http://www.canadapost.ca/ws/ship/rate-v4"),
    "customer-number": z.string().regex(/^\d{1,10}$/),
    "contract-id": z.string().regex(/^\d{1,10}$/),
    "parcel-characteristics": z.strictObject({
      weight: decimal,
      dimensions: z.strictObject({ length: decimal, width: decimal, height: decimal }).optional(),
    }),
    services: z.strictObject({ "service-code": z.string().regex(/^[A-Z]{3}\.[A-Z]{2}/) }),
    "origin-postal-code": postalCode,
    destination: z.strictObject({ domestic: z.strictObject({ "postal-code": postalCode }) }),
  }),
});
const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: "@",
  parseTagValue: false,
  ignoreDeclaration: true,
});

/** Canada Post's Get Rates: ten dollars and one for each kilogram, and 13 % of tax. */
export function canadaPostQuoteRoute(): HostRoute {
  return {
    operation: "quote",
    method: "POST",
    path: "/rs/ship/price",
    check: (request) => [...checkTypes(request), ...issuesOf(scenarioSchema, parser.parse(request.text))],
    answer: ({ text }) => {
      const { services, "parcel-characteristics": box } = scenarioSchema.parse(parser.parse(text))[
        "mailing-scenario"
      ];
      const base = 10 + Number(box.weight);
      const tax = base * 0.13;
      const body = `<?xml version="1.0" encoding="UTF-8"?>
<price-quotes xmlns="http://www.canadapost.ca/ws/ship/rate-v4"><price-quote>
<service-code>${services["service-code"]}</service-code><service-name>Expedited Parcel</service-name>
<price-details><base>${base.toFixed(2)}</base><taxes><gst>0.00</gst><pst>0</pst><hst percent="13.000">${tax.toFixed(2)}</hst></taxes>
<due>${(base + tax).toFixed(2)}</due></price-details>
<weight-details/><service-standard><am-delivery>false</am-delivery><guaranteed-delivery>true</guaranteed-delivery>
<expected-transit-time>2</expected-transit-time><expected-delivery-date>2026-01-19</expected-delivery-date></service-standard>
</price-quote></price-quotes>`;
      return { headers: { "content-type": RATE }, body };
    },
  };
}

function checkTypes({ headers }: HostRequest): string[] {
  return ["accept", "content-type"].flatMap((name) =>
    headers[name] === RATE ? [] : [`${name} is "${headers[name]}", not ${RATE}`],
  );
}
