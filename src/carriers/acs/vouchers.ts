import { personOf, requireParts } from "../address-parts.ts";
import { CarrierRefusal, CarrierUncertain, type LabelRequest } from "../carrier.ts";
import { splitHouseNumber } from "../house-number.ts";
import { dateIn } from "../wall-clock.ts";
import { ACS, type AcsClient, type AcsRow, textOf } from "./client.ts";
import type { AcsSettings } from "./settings.ts";

export const ATHENS = "Europe/Athens";
const MIN_KG = 0.5;
const PRINT_AT_ONCE = 10;

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
    Pickup_Date: dateIn(ATHENS, now),
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

/** The PDFs of vouchers, by number. */
export async function printVouchers(
  acs: AcsClient,
  numbers: readonly string[],
  { printType }: AcsSettings,
): Promise<Map<string, Buffer>> {
  const printed = new Map<string, Buffer>();
  for (let start = 0; start < numbers.length; start += PRINT_AT_ONCE) {
    const some = numbers.slice(start, start + PRINT_AT_ONCE);
    const { object } = await afterwards(`the print of ${some.join(", ")}`, () =>
      acs.run("ACS_Print_Voucher", { Voucher_No: some.join(","), Print_Type: printType, Start_Position: 1 }),
    );
    for (const [number, pdf] of pdfsIn(object, some)) printed.set(number, pdf);
  }
  return printed;
}

/** Two shapes are known: `{"<number>": "<base64>"}`, and `{"PDFData": …}` with its number beside it. */
function pdfsIn(object: unknown, numbers: readonly string[]): [string, Buffer][] {
  const items = (Array.isArray(object) ? object : [object]) as AcsRow[];
  return items.flatMap((item, index) => {
    const number = textOf(item, "Voucher_No") || textOf(item, "Voucber_No") || (numbers[index] ?? "");
    const named = textOf(item, "PDFData") ? [[number, textOf(item, "PDFData")] as const] : [];
    const keyed = numbers.filter((one) => textOf(item, one)).map((one) => [one, textOf(item, one)] as const);
    return [...named, ...keyed].map(([one, data]): [string, Buffer] => [one, Buffer.from(data, "base64")]);
  });
}

/** What fails after the purchase leaves something that was bought. */
async function afterwards<T>(what: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw new CarrierUncertain(`ACS has made the vouchers, but not given ${what}: ${String(error)}`, {
      cause: error,
    });
  }
}
