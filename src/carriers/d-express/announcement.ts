import type { Address } from "../../domain/address.ts";
import { CarrierRefusal, type LabelPackage, type LabelRequest } from "../carrier.ts";
import { splitHouseNumber } from "../house-number.ts";
import { inLatin, serbianPhone } from "./serbian.ts";
import type { DExpressSettings } from "./settings.ts";

const MAX_GRAMS = 34_000;
const HOUSE_NUMBER = /^((bb|b\.b\.)(\/[-\p{L}\d_]+)*|(\d(-\d)?[\p{L}\d_]{0,2})+(\/[-\p{L}\d_]+)*)$/iu;

export interface Announcement {
  request: LabelRequest;
  /** D Express's ids of both ends. */
  towns: { from: number; to: number };
  /** By sequence number of the box. */
  codes: ReadonlyMap<number, string>;
}

/** The body of `addshipment`: grams and millimetres, Serbian in Latin letters. */
export function announcementOf({ request, towns, codes }: Announcement, settings: DExpressSettings) {
  const { from, to, packages, reference } = request;
  const boxes = packages.map((box) => packageOf(box, codes.get(box.sequence_number) as string));
  return {
    ...sideOf("C", from, towns.from),
    CClientID: settings.clientId,
    ...sideOf("Pu", from, towns.from),
    PuClientID: settings.clientId,
    ...sideOf("R", to, towns.to),
    RAddressDesc: cut(to.street2),
    DlTypeID: settings.deliveryType,
    PaymentBy: settings.paymentBy,
    PaymentType: settings.paymentType,
    BuyOut: 0,
    Value: 0,
    Content: cut(settings.content),
    Mass: boxes.reduce((sum, box) => sum + box.Mass, 0),
    ReferenceID: cut(reference),
    ReturnDoc: 0,
    PackageList: boxes,
  };
}

function packageOf(box: LabelPackage, code: string) {
  const grams = Math.round(box.weight * 1000);
  if (grams > MAX_GRAMS)
    throw new CarrierRefusal(
      `D Express takes packages of up to 34 kg; box ${box.sequence_number} has ${box.weight} kg`,
    );
  return { Code: code, Mass: grams, DimX: mm(box.width), DimY: mm(box.length), DimZ: mm(box.height) };
}

/** One side's fields carry its letters: C the client, Pu where it is picked up, R the recipient. */
function sideOf(side: "C" | "Pu" | "R", address: Address, town: number) {
  const { street, number } = splitHouseNumber(inLatin(address.street));
  const phone = serbianPhone(address.phone);
  const fields = {
    Name: cut(inLatin(address.company || address.contact_name)),
    Address: cut(street),
    AddressNum: HOUSE_NUMBER.test(number) ? number.slice(0, 10) : "bb", // Serbia's word for an address without one
    TownID: town,
    CName: cut(inLatin(address.contact_name), side === "Pu" ? 30 : 50),
    ...(phone ? { CPhone: phone } : {}),
  };
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [`${side}${name}`, value]));
}

function cut(text: string, length = 50): string {
  return text.slice(0, length);
}

function mm(cm: number): number {
  return Math.round(cm * 10);
}
