import { personOf, requireParts } from "../address-parts.ts";
import { CarrierRefusal, CarrierUncertain, type LabelRequest } from "../carrier.ts";
import { splitHouseNumber } from "../house-number.ts";
import { ACS, type AcsClient, textOf } from "./client.ts";
import { pickupDay } from "./pickup-list.ts";
import { afterwards } from "./prints.ts";
import type { AcsSettings } from "./settings.ts";

const MIN_KG = 0.5;

/** What `ACS_Create_Voucher` is told. Several boxes are one shipment, whose main voucher has others beside it. */
export function voucherOf(
  { reference, from, to, packages }: LabelRequest,
  settings: AcsSettings,
  now: Date,
): Record<string, unknown> {
  requireParts(ACS.name, { to }, ["street", "city", "postal_code", "phone"]);
  if (to.country !== "GR" && to.country !== "CY")
    throw new CarrierRefusal(`ACS delivers in Greece (GR) and Cyprus (CY), not in "${to.country}"`);
  if (to.country === "CY" && settings.contentType === undefined)
    throw new CarrierRefusal(`ACS parcels to Cyprus need the setting "contentType": what is inside`);
  const { street, number } = splitHouseNumber(to.street);
  const weight = packages.reduce((sum, box) => sum + box.weight, 0);
  return {
    Pickup_Date: pickupDay(now),
    Sender: from.company || from.contact_name,
    Recipient_Name: personOf(to),
    Recipient_Company_Name: to.company || null,
    Recipient_Address: street,
    Recipient_Address_Number: number,
    Recipient_Zipcode: to.postal_code,
    Recipient_Region: to.city,
    Recipient_Phone: to.phone || null,
    Recipient_Cell_Phone: to.phone || null,
    Recipient_Email: to.email || null,
    Recipient_Country: to.country,
    Billing_Code: settings.billingCode,
    Charge_Type: settings.chargeType,
    Item_Quantity: packages.length,
    Weight: Math.max(MIN_KG, Math.round(weight * 100) / 100),
    Cod_Ammount: null,
    Cod_Payment_Way: null,
    Acs_Delivery_Products: null,
    Delivery_Notes: to.street2 || null,
    Reference_Key1: reference,
    Content_Type_ID: settings.contentType ?? null,
    Language: null,
  };
}

/** The numbers of a shipment's vouchers: the main one, then those of its other boxes. */
export async function numbersOf(acs: AcsClient, main: string, boxes: number): Promise<string[]> {
  if (boxes === 1) return [main];
  const { rows } = await afterwards(`the other vouchers of ${main}`, () =>
    acs.run("ACS_Get_Multipart_Vouchers", { Main_Voucher_No: main, Language: null }),
  );
  const numbers = [main, ...rows.map((row) => textOf(row, "MultiPart_Voucher_No")).filter(Boolean)];
  if (numbers.length < boxes)
    throw new CarrierUncertain(
      `ACS made ${numbers.length} vouchers for ${boxes} boxes: ${numbers.join(", ")}`,
    );
  return numbers;
}
