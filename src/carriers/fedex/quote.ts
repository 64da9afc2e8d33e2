import { z } from "zod";
import { requireParts } from "../address-parts.ts";
import type { CarrierHost } from "../answers.ts";
import type { LabelRequest, Quote } from "../carrier.ts";
import { quotedAmount, quotedCurrency } from "../quoted.ts";
import { measuresOf, townOf } from "./parcel.ts";
import type { FedexSettings } from "./settings.ts";

const ratedSchema = z.object({
  rateType: z.string().default(""),
  totalNetCharge: quotedAmount,
  currency: quotedCurrency,
});
const quotesSchema = z.object({
  output: z.object({
    rateReplyDetails: z.array(
      z.object({ serviceType: z.string(), ratedShipmentDetails: z.array(ratedSchema).min(1) }),
    ),
  }),
});

/** What FedEx would take for the parcel, by the account's own rates where it has some; taxes are not in it. */
export async function quoteFedex(
  host: CarrierHost,
  settings: FedexSettings,
  { from, to, service, packages }: LabelRequest,
): Promise<Quote[]> {
  requireParts("FedEx", { from, to }, ["postal_code", "country"]);
  const call = {
    operation: "quote",
    method: "POST",
    path: "rate/v1/rates/quotes",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      accountNumber: { value: settings.accountNumber },
      requestedShipment: {
        shipper: { address: townOf(from) },
        recipient: { address: townOf(to) },
        serviceType: service || settings.service,
        pickupType: settings.pickupType,
        packagingType: settings.packagingType,
        rateRequestType: ["ACCOUNT"],
        requestedPackageLineItems: packages.map(measuresOf),
      },
    }),
    repeatable: true,
  } as const;
  const { output } = await host.askJson(call, quotesSchema);
  return output.rateReplyDetails.map(({ serviceType, ratedShipmentDetails: rated }) => {
    const { totalNetCharge: amount, currency } = rated.find(isAccounts) ?? (rated[0] as Rated);
    return { service: serviceType, amount, currency, days: null };
  });
}

type Rated = z.output<typeof ratedSchema>;

/** `ACCOUNT`, or `PAYOR_ACCOUNT_SHIPMENT`; others are list prices, which nobody with an account pays. */
function isAccounts({ rateType }: Rated): boolean {
  return rateType.includes("ACCOUNT");
}
