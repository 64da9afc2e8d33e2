import { CarrierRefusal, CarrierUncertain } from "../carrier.ts";
import { type AcsClient, type AcsRow, textOf } from "./client.ts";
import type { AcsSettings } from "./settings.ts";

const PRINT_AT_ONCE = 10;

/** The PDFs of vouchers, by number; printed again, they are the same. */
export async function printVouchers(
  acs: AcsClient,
  numbers: readonly string[],
  { printType }: AcsSettings,
): Promise<Map<string, Buffer>> {
  const printed = new Map<string, Buffer>();
  for (let start = 0; start < numbers.length; start += PRINT_AT_ONCE) {
    const some = numbers.slice(start, start + PRINT_AT_ONCE);
    const asked = { Voucher_No: some.join(","), Print_Type: printType, Start_Position: 1 };
    const pdfs = await afterwards(`the print of ${some.join(", ")}`, async () =>
      pdfsIn((await acs.run("ACS_Print_Voucher", asked)).object, some),
    );
    for (const [number, pdf] of pdfs) printed.set(number, pdf);
  }
  return printed;
}

/**
 * A single voucher's print may be nothing but its base64. Else there is an item for each, as `{"<number>": "<base64>"}`
 * or as `{"PDFData": "<base64>"}` with the number beside it, whose name is misspelt.
 */
export function pdfsIn(object: unknown, numbers: readonly string[]): [string, Buffer][] {
  const items = Array.isArray(object) ? object : [object];
  return items.flatMap((item: unknown, index): [string, Buffer][] => {
    const inOrder = numbers[index] ?? "";
    if (typeof item === "string") return [[inOrder, Buffer.from(item, "base64")]];
    if (typeof item !== "object" || item === null) return [];
    const row = item as AcsRow;
    refuseFailed(row);
    const number = textOf(row, "Voucher_No") || textOf(row, "Voucber_No") || inOrder;
    const named = row["PDFData"] ? [[number, bytesOf(row["PDFData"])] as [string, Buffer]] : [];
    const keyed = Object.entries(row)
      .filter(([name]) => numbers.includes(name.trim()))
      .map(([name, data]): [string, Buffer] => [name.trim(), bytesOf(data)]);
    return [...named, ...keyed];
  });
}

function refuseFailed(row: AcsRow): void {
  if (row["ACSExecution_HasError"] !== true) return;
  throw new CarrierRefusal(textOf(row, "ACSExecutionErrorMessage") || "no reason given");
}

/** Base64, or the bytes one by one: ACS's guide speaks of a byte array. */
function bytesOf(data: unknown): Buffer {
  return Array.isArray(data) ? Buffer.from(data as number[]) : Buffer.from(String(data), "base64");
}

/** What fails after the purchase leaves something that was bought. */
export async function afterwards<T>(what: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw new CarrierUncertain(`ACS has made the vouchers, but not given ${what}: ${String(error)}`, {
      cause: error,
    });
  }
}
