import { z } from "zod";
import type { Address } from "../../domain/address.ts";
import { requireParts } from "../address-parts.ts";
import type { CarrierHost } from "../answers.ts";
import type { LabelPackage, LabelRequest, Quote } from "../carrier.ts";
import { oneOrMore } from "../one-or-more.ts";
import { quotedAmount, quotedCurrency } from "../quoted.ts";
import { stableUuid } from "../stable-uuid.ts";
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
      Shipper: { ShipperNumber: accountNumber, Address: addressOf(from) },
      ShipFrom: { Address: addressOf(from) },
      ShipTo: { Address: addressOf(to) },
      PaymentDetails: { ShipmentCharge: [{ Type: "01", BillShipper: { AccountNumber: accountNumber } }] },
      Service: { Code: service || settings.service },
      Package: packages.map((box) => packageOf(settings, box)),
    },
  };
}

function addressOf({ city, state, postal_code, country }: Address): object {
  return {
    ...(city ? { City: city } : {}),
    ...(state ? { StateProvinceCode: state } : {}),
    PostalCode: country === "US" ? postal_code.replace("-", "") : postal_code,
    CountryCode: country,
  };
}

const METRIC = { weight: "KGS", length: "CM", unit_kg: 1, unit_cm: 1 };
const IMPERIAL = { weight: "LBS", length: "IN", unit_kg: 0.45359237, unit_cm: 2.54 };

/** As in a shipment, but for the name of the packaging. All numbers are texts. */
function packageOf({ units, packagingCode }: UpsSettings, box: LabelPackage): object {
  const { weight, length, unit_kg, unit_cm } = units === "metric" ? METRIC : IMPERIAL;
  const sides = [box.length, box.width, box.height];
  const [Length, Width, Height] = sides.map((side) => rounded(side / unit_cm));
  const Dimensions = { UnitOfMeasurement: { Code: length }, Length, Width, Height };
  return {
    PackagingType: { Code: packagingCode },
    ...(sides.every((side) => side > 0) ? { Dimensions } : {}),
    PackageWeight: { UnitOfMeasurement: { Code: weight }, Weight: rounded(box.weight / unit_kg) },
  };
}

function rounded(value: number): string {
  return String(Math.max(0.01, Math.round(value * 100) / 100));
}
