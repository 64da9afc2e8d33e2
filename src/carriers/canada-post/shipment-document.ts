import type { Address } from "../../domain/address.ts";
import type { LabelPackage, LabelRequest } from "../carrier.ts";
import { writeXml, type Xml } from "../xml.ts";
import type { CanadaPostSettings } from "./settings.ts";

const NAMESPACE = "http://www.canadapost.ca/ws/shipment-v8";
const LONGEST_NAME = 44;
const LONGEST_PHONE = 25;
const LONGEST_REFERENCE = 35;

/** One parcel. Canada Post gives it back when it is asked for the request's id, of at most 35 characters. */
export function shipmentDocument(
  settings: CanadaPostSettings,
  request: LabelRequest,
  box: LabelPackage,
  requestId: string,
): string {
  const { groupId } = settings;
  return writeXml({
    shipment: {
      "@xmlns": NAMESPACE,
      "customer-request-id": requestId,
      ...(groupId === undefined ? { "transmit-shipment": "" } : { "group-id": groupId }),
      // Without it the answer doesn't say when the parcel is expected either.
      "provide-pricing-info": "true",
      "requested-shipping-point": postalCode(request.from),
      "delivery-spec": deliverySpec(settings, request, box),
    },
  });
}

function deliverySpec(settings: CanadaPostSettings, request: LabelRequest, box: LabelPackage): Xml {
  const { from, to } = request;
  return {
    "service-code": request.service || settings.service,
    sender: {
      name: optional(from.contact_name),
      company: (from.company || from.contact_name).slice(0, LONGEST_NAME),
      "contact-phone": from.phone.slice(0, LONGEST_PHONE),
      "address-details": addressDetails(from),
    },
    destination: {
      name: optional(to.contact_name),
      company: optional(to.company),
      "client-voice-number": optional(to.phone.slice(0, LONGEST_PHONE)),
      "address-details": addressDetails(to),
    },
    "parcel-characteristics": characteristicsOf(box),
    "print-preferences": { "output-format": "4x6", encoding: settings.labelFormat.toUpperCase() },
    preferences: { "show-packing-instructions": "false" },
    references: { "customer-ref-1": optional(request.order_number.slice(0, LONGEST_REFERENCE)) },
    "settlement-info": {
      "contract-id": settings.contractId,
      "intended-method-of-payment": settings.paymentMethod,
    },
  };
}

function addressDetails(address: Address): Xml {
  return {
    "address-line-1": address.street,
    "address-line-2": optional(address.street2),
    city: address.city,
    "prov-state": address.state,
    "country-code": address.country,
    "postal-zip-code": postalCode(address),
  };
}

/** Sides that are not measured are left out. */
export function characteristicsOf({ weight, length, width, height }: LabelPackage): Xml {
  const isMeasured = Math.min(length, width, height) > 0;
  const dimensions = { length: rounded(length, 1), width: rounded(width, 1), height: rounded(height, 1) };
  return { weight: rounded(weight, 3), dimensions: isMeasured ? dimensions : undefined };
}

/** The smallest that can be written is more than nothing. */
function rounded(value: number, digits: number): string {
  return String(Math.max(10 ** -digits, Number(value.toFixed(digits))));
}

/** `k1a 0b1` is written `K1A0B1`. */
export function postalCode({ postal_code }: Address): string {
  return postal_code.replaceAll(/\s/g, "").toUpperCase();
}

function optional(text: string): string | undefined {
  return text === "" ? undefined : text.slice(0, LONGEST_NAME);
}

export function refundDocument(email: string): string {
  return writeXml({ "shipment-refund-request": { "@xmlns": NAMESPACE, email } });
}
