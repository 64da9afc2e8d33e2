import { z } from "zod";
import { requireParts } from "../address-parts.ts";
import type { CarrierHost } from "../answers.ts";
import type { LabelRequest, Quote } from "../carrier.ts";
import { oneOrMore } from "../one-or-more.ts";
import { quotedAmount, quotedCurrency } from "../quoted.ts";
import { stableUuid } from "../stable-uuid.ts";
import { measuresOf, townOf } from "./parcel.ts";
import type { UpsSettings } from "./settings.ts";
import { transaction } from "./ups-host.ts";

const chargeSchema = z.object({ CurrencyCode: quotedCurrency, MonetaryValue: quotedAmount });
const ratesSchema = z.object({
  RateResponse: z.object({
    RatedShipment: oneOrMore(
      z.object({
        Service: z.object({ Code: z.string() }),
        TotalCharges: chargeSchema,
        NegotiatedRateCharges: z.object({ TotalCharge: chargeSchema }).nullish(),
        GuaranteedDelivery: z.object({ BusinessDaysInTransit: z.coerce.number().nullish() }).nullish(),
      }),
    ),
  }),
});

/** What UPS would take for the parcel, by the account's negotiated rates where it has some; taxes are not in it. */
export async function quoteUps(
  host: CarrierHost,
  settings: UpsSettings,
  request: LabelRequest,
): Promise<Quote[]> {
  requireParts("UPS", { from: request.from, to: request.to }, ["postal_code", "country"]);
  const body = JSON.stringify({ RateRequest: rateRequestOf(settings, request) });
  const call = {
    operation: "quote",
    method: "POST",
    path: "api/rating/v2409/Rate",
    headers: { "content-type": "application/json", ...transaction(stableUuid(`ups quote ${body}`)) },
    body,
    repeatable: true,
  } as const;
  const { RateResponse } = await host.askJson(call, ratesSchema);
  return RateResponse.RatedShipment.map((rated) => {
    const { MonetaryValue, CurrencyCode } = rated.NegotiatedRateCharges?.TotalCharge ?? rated.TotalCharges;
    const days = rated.GuaranteedDelivery?.BusinessDaysInTransit ?? null;
    return { service: rated.Service.Code, amount: MonetaryValue, currency: CurrencyCode, days };
  });
}

function rateRequestOf(settings: UpsSettings, { from, to, service, packages }: LabelRequest): object {
  const { accountNumber } = settings;
  return {
    Request: { RequestOption: "Rate" },
    Shipment: {
      ShipmentRatingOptions: { NegotiatedRatesIndicator: "Y" },
      Shipper: { ShipperNumber: accountNumber, Address: townOf(from) },
      ShipFrom: { Address: townOf(from) },
      ShipTo: { Address: townOf(to) },
      PaymentDetails: { ShipmentCharge: [{ Type: "01", BillShipper: { AccountNumber: accountNumber } }] },
      Service: { Code: service || settings.service },
      Package: packages.map((box) => ({
        PackagingType: { Code: settings.packagingCode },
        ...measuresOf(settings, box),
      })),
    },
  };
}
