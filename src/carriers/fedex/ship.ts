import { z } from "zod";
import type { Address } from "../../domain/address.ts";
import type { LabelFormat } from "../../domain/vocabulary.ts";
import { personOf, requireParts, streetLines } from "../address-parts.ts";
import type { CarrierHost } from "../answers.ts";
import { CarrierRefusal, type LabelPurchase, type LabelRequest, type LabelToVoid } from "../carrier.ts";
import { voidOnceMore } from "../void-again.ts";
import { measuresOf, townOf } from "./parcel.ts";
import type { FedexSettings } from "./settings.ts";
import { purchaseOf, soldSchema } from "./sold-labels.ts";

/** A shipment of more boxes is made in the background, which we don't follow. */
const MOST_BOXES = 40;

const IMAGE_TYPES = {
  zpl: { imageType: "ZPLII", labelStockType: "STOCK_4X6" },
  pdf: { imageType: "PDF", labelStockType: "PAPER_4X6" },
  png: { imageType: "PNG", labelStockType: "PAPER_4X6" },
} as const satisfies Record<LabelFormat, object>;

export async function buyFedexLabels(
  host: CarrierHost,
  settings: FedexSettings,
  request: LabelRequest,
): Promise<LabelPurchase> {
  const call = {
    operation: "create_label",
    method: "POST",
    path: "ship/v1/shipments",
    headers: { "content-type": "application/json", "x-customer-transaction-id": request.reference },
    body: JSON.stringify(shipmentOf(settings, request)),
    buys: true,
  } as const;
  const { output } = await host.askJson(call, soldSchema);
  return purchaseOf(output, request.packages, settings.labelFormat);
}

function shipmentOf(settings: FedexSettings, request: LabelRequest): object {
  const { from, to, packages, reference } = request;
  requireParts("FedEx", { from, to }, ["street", "city", "country", "phone"]);
  if (packages.length > MOST_BOXES)
    throw new CarrierRefusal(
      `FedEx takes at most ${MOST_BOXES} boxes in a shipment, not ${packages.length}`,
      "TOO_MANY_BOXES",
    );
  return {
    labelResponseOptions: "LABEL",
    accountNumber: { value: settings.accountNumber },
    requestedShipment: {
      shipper: partyOf(from),
      recipients: [partyOf(to)],
      pickupType: settings.pickupType,
      serviceType: request.service || settings.service,
      packagingType: settings.packagingType,
      shippingChargesPayment: { paymentType: "SENDER" },
      labelSpecification: IMAGE_TYPES[settings.labelFormat],
      requestedPackageLineItems: packages.map((box) => ({
        ...measuresOf(box),
        customerReferences: [{ customerReferenceType: "CUSTOMER_REFERENCE", value: reference }],
      })),
    },
  };
}

function partyOf(address: Address): object {
  const { company, phone, email } = address;
  return {
    contact: {
      personName: personOf(address).slice(0, 70),
      phoneNumber: phone.length > 15 ? phone.replace(/\D/g, "").slice(0, 15) : phone,
      ...(company ? { companyName: company.slice(0, 35) } : {}),
      ...(email ? { emailAddress: email } : {}),
    },
    address: { streetLines: streetLines(address), ...townOf(address) },
  };
}

const cancelledSchema = z.object({
  output: z.object({
    cancelledShipment: z.union([z.boolean(), z.stringbool()]),
    message: z.string().nullish(),
  }),
});

/** A shipment's boxes are cancelled together, by its master number, which is that of the first box. */
export async function voidFedexLabels(
  host: CarrierHost,
  { accountNumber }: FedexSettings,
  { tracking_numbers, carrier_reference }: LabelToVoid,
): Promise<void> {
  const trackingNumber = carrier_reference ?? tracking_numbers[0];
  if (trackingNumber === undefined) return;
  const call = {
    operation: "void_label",
    method: "PUT",
    path: "ship/v1/shipments/cancel",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      accountNumber: { value: accountNumber },
      trackingNumber,
      deletionControl: "DELETE_ALL_PACKAGES",
    }),
  } as const;
  await voidOnceMore(async () => {
    const { output } = await host.askJson(call, cancelledSchema);
    if (!output.cancelledShipment)
      throw new CarrierRefusal(
        `FedEx did not cancel ${trackingNumber}: ${output.message ?? "it gives no reason"}`,
        "NOT_CANCELLED",
      );
  });
}
