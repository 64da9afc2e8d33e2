import { z } from "zod";
import type { Address } from "../../domain/address.ts";
import { personOf, requireParts, streetLines } from "../address-parts.ts";
import type { CarrierHost } from "../answers.ts";
import { CarrierRefusal, type LabelPurchase, type LabelRequest, type LabelToVoid } from "../carrier.ts";
import { stableUuid } from "../stable-uuid.ts";
import { voidOnceMore } from "../void-again.ts";
import { measuresOf, townOf } from "./parcel.ts";
import type { UpsSettings } from "./settings.ts";
import { purchaseOf, soldSchema } from "./sold-labels.ts";
import { transaction } from "./ups-host.ts";

export async function buyUpsLabels(
  host: CarrierHost,
  settings: UpsSettings,
  request: LabelRequest,
): Promise<LabelPurchase> {
  const call = {
    operation: "create_label",
    method: "POST",
    path: "api/shipments/v2409/ship",
    headers: {
      "content-type": "application/json",
      ...transaction(stableUuid(`ups shipment ${request.reference}`)),
    },
    body: JSON.stringify(shipmentOf(settings, request)),
    buys: true,
  } as const;
  const answer = await host.askJson(call, soldSchema);
  return purchaseOf(host, settings, request.packages, answer);
}

function shipmentOf(settings: UpsSettings, request: LabelRequest): object {
  const { from, to, packages, reference, service } = request;
  requireParts("UPS", { from, to }, ["street", "city", "country"]);
  const referenceNumber = { ReferenceNumber: { Value: reference.slice(0, 35) } };
  const isUnitedStates = from.country === "US" && to.country === "US";
  return {
    ShipmentRequest: {
      Request: { RequestOption: "nonvalidate" },
      Shipment: {
        // Within the United States a reference is that of a package, elsewhere of the whole.
        ...(isUnitedStates ? {} : referenceNumber),
        Shipper: { ...partyOf(from), ShipperNumber: settings.accountNumber },
        ShipTo: partyOf(to),
        PaymentInformation: {
          ShipmentCharge: [{ Type: "01", BillShipper: { AccountNumber: settings.accountNumber } }],
        },
        Service: { Code: service || settings.service },
        Package: packages.map((box) => ({
          Packaging: { Code: settings.packagingCode },
          ...measuresOf(settings, box),
          ...(isUnitedStates ? referenceNumber : {}),
        })),
      },
      LabelSpecification: {
        LabelImageFormat: { Code: "ZPL" },
        LabelStockSize: { Height: "6", Width: "4" },
      },
    },
  };
}

function partyOf(address: Address): object {
  const { company, contact_name, phone, email } = address;
  const digits = phone.replace(/\D/g, "");
  return {
    Name: (company || contact_name).slice(0, 35),
    AttentionName: personOf(address).slice(0, 35),
    ...(digits ? { Phone: { Number: digits.slice(0, 15) } } : {}),
    ...(email ? { EMailAddress: email.slice(0, 50) } : {}),
    Address: { AddressLine: streetLines(address), ...townOf(address) },
  };
}

const voidedSchema = z.object({
  VoidShipmentResponse: z.object({
    SummaryResult: z.object({
      Status: z.object({ Code: z.coerce.string(), Description: z.string().default("") }),
    }),
  }),
});

/** All packages of a shipment are voided together; its number is that of the first one. */
export async function voidUpsLabels(
  host: CarrierHost,
  { reference, tracking_numbers, carrier_reference }: LabelToVoid,
): Promise<void> {
  const id = carrier_reference ?? tracking_numbers[0];
  if (id === undefined) return;
  const call = {
    operation: "void_label",
    method: "DELETE",
    path: `api/shipments/v2409/void/cancel/${encodeURIComponent(id)}`,
    headers: transaction(stableUuid(`ups void ${reference}`)),
  } as const;
  await voidOnceMore(async () => {
    const { Status } = (await host.askJson(call, voidedSchema)).VoidShipmentResponse.SummaryResult;
    if (Status.Code !== "1")
      throw new CarrierRefusal(`UPS did not void ${id}: ${Status.Description}`, "NOT_VOIDED");
  });
}
