import { z } from "zod";
import type { HostRoute } from "./host.ts";
import { checkJson } from "./http-messages.ts";

const address = z.strictObject({
  city: z.string().min(1).optional(),
  stateOrProvinceCode: z.string().max(2).optional(),
  postalCode: z.string().min(1).max(10),
  countryCode: z.string().regex(/^[A-Z]{2}$/),
});
const rateSchema = z.strictObject({
  accountNumber: z.strictObject({ value: z.string().regex(/^\d{9}$/) }),
  requestedShipment: z.strictObject({
    shipper: z.strictObject({ address }),
    recipient: z.strictObject({ address }),
    serviceType: z.string().regex(/^[A-Z0-9_]+$/),
    pickupType: z.enum(["CONTACT_FEDEX_TO_SCHEDULE", "DROPOFF_AT_FEDEX_LOCATION", "USE_SCHEDULED_PICKUP"]),
    packagingType: z.string().min(1),
    rateRequestType: z.array(z.enum(["LIST", "ACCOUNT", "INCENTIVE", "PREFERRED"])).min(1),
    requestedPackageLineItems: z
      .array(
        z.strictObject({
          weight: z.strictObject({ units: z.enum(["KG", "LB"]), value: z.number().positive() }),
          dimensions: z
            .strictObject({
              length: z.int().positive(),
              width: z.int().positive(),
              height: z.int().positive(),
              units: z.enum(["CM", "IN"]),
            })
            .optional(),
        }),
      )
      .min(1),
  }),
});

/** FedEx's Rate and Transit Times: eight dollars and two for each kilogram, and more by the list. */
export function fedexQuoteRoute(): HostRoute {
  return {
    operation: "quote",
    method: "POST",
    path: "/rate/v1/rates/quotes",
    check: (request) => checkJson(request, rateSchema),
    answer: ({ text }) => {
      const { serviceType, requestedPackageLineItems: boxes } = rateSchema.parse(
        JSON.parse(text),
      ).requestedShipment;
      const net = boxes.reduce((sum, { weight }) => sum + 8 + 2 * weight.value, 0);
      const rated = (rateType: string, totalNetCharge: number) => ({
        rateType,
        ratedWeightMethod: "ACTUAL",
        totalDiscounts: 0,
        totalBaseCharge: totalNetCharge,
        totalNetCharge,
        totalNetFedExCharge: totalNetCharge,
        currency: "USD",
      });
      const details = [rated("LIST", toCents(net * 1.5)), rated("ACCOUNT", toCents(net))];
      const detail = { serviceType, packagingType: "YOUR_PACKAGING", ratedShipmentDetails: details };
      return {
        body: {
          transactionId: "624deea6-b709-470c-8c39-4b5511281492",
          output: { rateReplyDetails: [detail], quoteDate: "2026-01-15", encoded: false },
        },
      };
    },
  };
}

function toCents(amount: number): number {
  return Math.round(100 * amount) / 100;
}
