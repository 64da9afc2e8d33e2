import { z } from "zod";
import type { Address } from "../../domain/address.ts";
import { personOf, requireParts } from "../address-parts.ts";
import { CarrierRefusal, type LabelPackage, type LabelRequest } from "../carrier.ts";
import { splitHouseNumber } from "../house-number.ts";
import { oneOrMore } from "../one-or-more.ts";
import type { BexSettings } from "./settings.ts";

/** Each box is a shipment of its own, so that each has its own number. */
export function shipmentsOf(request: LabelRequest, settings: BexSettings) {
  const { to } = request;
  requireParts("BEX", { to }, ["street", "city", "phone"]);
  if (to.country !== "RS") throw new CarrierRefusal(`BEX delivers in Serbia (RS), not in "${to.country}"`);
  return { shipmentslist: request.packages.map((box) => shipmentOf(request, box, settings)) };
}

function shipmentOf({ reference, to, packages }: LabelRequest, box: LabelPackage, settings: BexSettings) {
  return {
    shipmentId: 0,
    serviceSpeed: settings.serviceSpeed,
    shipmentType: settings.shipmentType,
    shipmentCategory: settings.category ?? categoryOf(box.weight),
    shipmentWeight: box.weight,
    totalPackages: 1,
    invoiceAmount: 0,
    shipmentContents: settings.contents,
    commentPublic: packages.length > 1 ? `${box.sequence_number}/${packages.length}` : "",
    commentPrivate: `${reference}-${box.sequence_number}`,
    payType: settings.payType,
    payToSender: 0,
    insuranceAmount: 0,
    tasks: [pickupTask(settings.clientId), deliveryTask(to)],
  };
}

/** Documents, then packages up to one and two kilograms, then by the kilogram. */
function categoryOf(kg: number): number {
  if (kg <= 0.5) return 1;
  if (kg <= 1) return 2;
  return kg <= 2 ? 3 : 31;
}

/** BEX knows by the contract where the client is. */
function pickupTask(clientId: string) {
  return { type: 1, nameType: 3, name1: clientId, ...NOWHERE };
}

function deliveryTask(to: Address) {
  const { street, number } = splitHouseNumber(to.street);
  const [, digits = "0", rest = ""] = /^(\d+)[^\p{L}\d]*(.*)$/u.exec(number) ?? [];
  return {
    ...NOWHERE,
    type: 2,
    nameType: to.contact_name ? 1 : 2,
    name1: personOf(to).slice(0, 50),
    place: to.city.slice(0, 45),
    street: street.slice(0, 50),
    houseNumber: Number(digits),
    apartment: rest.slice(0, 8),
    contactPerson: to.contact_name.slice(0, 50),
    phone: to.phone.slice(0, 50),
    comment: to.street2,
  };
}

const NOWHERE = {
  name2: "",
  taxId: "",
  adressType: 1,
  municipalities: 0,
  place: "",
  street: "",
  houseNumber: 0,
  apartment: "",
  contactPerson: "",
  phone: "",
  comment: "",
} as const;

const resultSchema = z.object({
  state: z.boolean(),
  shipmentId: z.union([z.number(), z.string()]).nullish(),
  err: z.string().nullish(),
});
export const bookedSchema = z.object({
  reqstate: z.boolean().nullish(),
  reqerr: z.string().nullish(),
  shipmentsResultList: oneOrMore(resultSchema),
});

export const labelSchema = z.object({
  state: z.boolean(),
  parcelLabel: z.string().nullish(),
  err: z.string().nullish(),
});
