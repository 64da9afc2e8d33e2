import { z } from "zod";
import type { HostRoute } from "./host.ts";
import { checkJson } from "./http-messages.ts";

const code = z.strictObject({ Code: z.string().min(1) });
const decimal = z.string().regex(/^\d{1,6}(\.\d{1,2})?$/);
const Address = z.strictObject({
  City: z.string().min(1).optional(),
  StateProvinceCode: z.string().max(5).optional(),
  PostalCode: z.string().min(1).max(9),
  CountryCode: z.string().length(2),
});
const rateSchema = z.strictObject({
  RateRequest: z.strictObject({
    Request: z.strictObject({ RequestOption: z.enum(["Rate", "Shop"]) }),
    Shipment: z.strictObject({
      ShipmentRatingOptions: z.strictObject({ NegotiatedRatesIndicator: z.string() }).optional(),
      Shipper: z.strictObject({ ShipperNumber: z.string().length(6), Address }),
      ShipFrom: z.strictObject({ Address }).optional(),
      ShipTo: z.strictObject({ Address }),
      PaymentDetails: z
        .strictObject({
          ShipmentCharge: z.array(
            z.strictObject({
              Type: z.enum(["01", "02"]),
              BillShipper: z.strictObject({ AccountNumber: z.string().length(6) }),
            }),
          ),
        })
        .optional(),
      Service: code,
      Package: z
        .array(
          z.strictObject({
            PackagingType: code,
            Dimensions: z
              .strictObject({ UnitOfMeasurement: code, Length: decimal, Width: decimal, Height: decimal })
              .optional(),
            PackageWeight: z.strictObject({ UnitOfMeasurement: code, Weight: decimal }),
          }),
        )
        .min(1),
    }),
  }),
});

/** UPS's Rating: seven dollars and three for each kilogram; the account pays a tenth less. */
export function upsQuoteRoute(): HostRoute {
  return {
    operation: "quote",
    method: "POST",
    path: "/api/rating/v2409/Rate",
    check: (request) => checkJson(request, rateSchema),
    answer: ({ text }) => {
      const {
        Service,
        Package: boxes,
        ShipmentRatingOptions,
      } = rateSchema.parse(JSON.parse(text)).RateRequest.Shipment;
      const cents = boxes.reduce((sum, { PackageWeight: { UnitOfMeasurement, Weight } }) => {
        const kg = Number(Weight) * (UnitOfMeasurement.Code === "LBS" ? 0.45359237 : 1);
        return sum + 700 + Math.round(300 * kg);
      }, 0);
      const money = (amount: number) => ({ CurrencyCode: "USD", MonetaryValue: (amount / 100).toFixed(2) });
      const negotiated = { NegotiatedRateCharges: { TotalCharge: money(Math.round(cents * 0.9)) } };
      const rated = {
        Service: { ...Service, Description: "" },
        RatedShipmentAlert: [
          { Code: "110971", Description: "Your invoice may vary from the displayed reference rates" },
        ],
        TotalCharges: money(cents),
        ...(ShipmentRatingOptions ? negotiated : {}),
        GuaranteedDelivery: { BusinessDaysInTransit: "2" },
      };
      const Response = { ResponseStatus: { Code: "1", Description: "Success" } };
      return { body: { RateResponse: { Response, RatedShipment: [rated] } } };
    },
  };
}
