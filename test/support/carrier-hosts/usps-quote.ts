import { z } from "zod";
import type { HostRoute } from "./host.ts";
import { checkJson } from "./http-messages.ts";

const rateSchema = z.strictObject({
  originZIPCode: z.string().regex(/^\d{5}$/),
  destinationZIPCode: z.string().regex(/^\d{5}$/),
  weight: z.number().positive(),
  length: z.number().min(0),
  width: z.number().min(0),
  height: z.number().min(0),
  mailClass: z.string().min(1),
  processingCategory: z.string().min(1),
  rateIndicator: z.string().min(1),
  destinationEntryFacilityType: z.string().min(1),
  priceType: z.enum(["RETAIL", "COMMERCIAL", "CONTRACT"]),
  mailingDate: z.iso.date(),
  accountType: z.enum(["EPS", "PERMIT", "METER"]),
  accountNumber: z.string().min(1),
});

/** USPS's Domestic Prices: five dollars and one and a half for each pound. */
export function uspsQuoteRoute(): HostRoute {
  return {
    operation: "quote",
    method: "POST",
    path: "/prices/v3/base-rates/search",
    check: (request) => checkJson(request, rateSchema),
    answer: ({ text }) => {
      const { weight, mailClass, priceType } = rateSchema.parse(JSON.parse(text));
      const price = Math.round(100 * (5 + 1.5 * weight)) / 100;
      const rate = {
        SKU: "DUXP0XXXXC00150",
        description: mailClass,
        priceType,
        price,
        weight,
        mailClass,
        zone: "05",
      };
      return { body: { totalBasePrice: price, rates: [rate] } };
    },
  };
}
