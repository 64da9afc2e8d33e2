import { readLabelBytes } from "../../domain/label-bytes.ts";
import { CarrierRefusal, type ClosedDay, type DayToClose } from "../carrier.ts";
import { dateIn } from "../wall-clock.ts";
import { type AcsClient, textOf } from "./client.ts";
import { pdfsIn, printVouchers } from "./prints.ts";
import type { AcsSettings } from "./settings.ts";

export const ATHENS = "Europe/Athens";

/** The day for which ACS is told that a voucher is: today, but nothing is picked up on Sundays. Holidays ACS refuses itself. */
export function pickupDay(now: Date): string {
  const today = dateIn(ATHENS, now);
  const isSunday = new Date(today).getUTCDay() === 0;
  return isSunday ? dateIn("UTC", new Date(Date.parse(today) + 86_400_000)) : today;
}

/** Puts the day's vouchers on a pickup list: what is on none, ACS's machines don't know. There may be several a day. */
export async function closeDay(
  acs: AcsClient,
  { day, print = false }: DayToClose,
  { settings, now }: { settings: AcsSettings; now: Date },
): Promise<ClosedDay> {
  const closing = day ?? dateIn(ATHENS, now);
  const first = await issueList(acs, closing);
  if (first.unprinted.length === 0) return closed(acs, closing, first.number);
  if (!print) throw refusal(closing, first.unprinted);
  await printVouchers(acs, first.unprinted, settings);
  const second = await issueList(acs, closing);
  if (second.unprinted.length > 0) throw refusal(closing, second.unprinted);
  return { ...(await closed(acs, closing, second.number)), printed: first.unprinted };
}

/** ACS wants the list printed as well. It stands when that fails, and can be printed in ACS's own tool. */
async function closed(acs: AcsClient, day: string, list_number: string | null): Promise<ClosedDay> {
  if (list_number === null) return { day, list_number, printed: [] };
  const list = await printList(acs, { Mass_Number: list_number, Pickup_Date: day }).catch(() => undefined);
  return { day, list_number, printed: [], ...(list ? { list } : {}) };
}

async function printList(
  acs: AcsClient,
  asked: { Mass_Number: string; Pickup_Date: string },
): Promise<Buffer | undefined> {
  const input = { ...asked, Language: null };
  const { object } = await acs.run("ACS_Print_Pickup_List", input, { repeatable: true });
  const [[, pdf] = []] = pdfsIn(object, [asked.Mass_Number]);
  return pdf && readLabelBytes("pdf", pdf);
}

interface Issued {
  /** null: there is no voucher that is not on a list already. */
  number: string | null;
  /** What stands in the way: then there is no list. */
  unprinted: readonly string[];
}

async function issueList(acs: AcsClient, day: string): Promise<Issued> {
  const { value, rows } = await acs.run("ACS_Issue_Pickup_List", {
    Pickup_Date: day,
    MyData: null,
    Language: null,
  });
  const unprinted = rows.map((row) => textOf(row, "Unprinted_Vouchers")).filter(Boolean);
  return { number: textOf(value, "PickupList_No") || null, unprinted };
}

function refusal(day: string, unprinted: readonly string[]): CarrierRefusal {
  return new CarrierRefusal(
    `ACS does not close ${day}: vouchers ${unprinted.join(", ")} were never printed; print them, or delete them in ACS's own tool`,
    "UNPRINTED",
  );
}
