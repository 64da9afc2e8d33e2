import { z } from "zod";
import { CarrierRefusal, CarrierUncertain, type LabelPackage, type LabelRequest } from "../carrier.ts";
import type { CarrierTools } from "../tools.ts";
import { dateIn } from "../wall-clock.ts";
import { type BookedBox, bookingOf, boxReference } from "./booking.ts";
import { type CjClient, SEOUL } from "./client.ts";
import type { CjSettings } from "./settings.ts";

const doneSchema = z.object({ RESULT_CD: z.string() });
const numberSchema = z.object({
  DATA: z.object({
    INVC_NO: z
      .string()
      .trim()
      .regex(/^\d{10,12}$/),
  }),
});

/** What was sent to CJ, and the number that it was sent with. */
export interface Booking {
  invoice: string;
  data: Record<string, unknown>;
}

export interface CjBookings {
  book(request: LabelRequest, box: LabelPackage): Promise<Booking>;
  cancel(booking: Readonly<Record<string, unknown>>): Promise<void>;
  /** Cancels what was booked for these boxes and never came back to us. */
  cancelStray(request: LabelRequest): Promise<void>;
}

/** Bookings whose answer may have been lost; the oldest are forgotten. */
const REMEMBERED = 10_000;
const STRAY_DAYS = 3;
const DAY_MS = 86_400_000;

/**
 * Books boxes under our references. CJ gives the number first, and refuses a second booking of the same reference and
 * day; which number the first one had, it doesn't tell. So a number is kept until its booking is answered for, and
 * what nobody knows the number of is cancelled before it is booked again.
 */
export function createCjBookings(
  cj: CjClient,
  settings: CjSettings,
  { now }: Pick<CarrierTools, "now">,
): CjBookings {
  const tried = new Map<string, Required<BookedBox>>();
  const remember = (key: string, box: Required<BookedBox>) => {
    tried.set(key, box);
    if (tried.size > REMEMBERED) tried.delete(tried.keys().next().value as string);
  };
  const today = (ago = 0) => dateIn(SEOUL, new Date(now().getTime() - ago * DAY_MS)).replaceAll("-", "");
  return {
    book: async (request, box) => {
      const key = boxReference(request, box);
      const before = tried.get(key);
      const booked = before ?? { invoice: await takeInvoice(cj, settings), day: today() };
      remember(key, booked);
      const data = bookingOf(request, box, { settings, ...booked });
      try {
        await send(cj, data);
      } catch (error) {
        if (!isDuplicate(error)) throw forgetting(tried, key, error);
        if (!before) throw stray(tried, key, error);
      }
      return { invoice: booked.invoice as string, data };
    },
    cancel: (booking) => cancel(cj, booking),
    cancelStray: async (request) => {
      for (const box of request.packages.filter((one) => !tried.has(boxReference(request, one))))
        for (let ago = 0; ago < STRAY_DAYS; ago++) {
          const data = bookingOf(request, box, { settings, day: today(ago), invoice: undefined });
          await cancel(cj, data).catch(ignoreRefusal);
        }
    },
  };
}

async function takeInvoice(cj: CjClient, { customerId }: CjSettings): Promise<string> {
  const data = { CLNTNUM: customerId };
  // A number that gets lost costs nothing.
  const asked = { operation: "take_number", data, shape: numberSchema, repeatable: true };
  return (await cj.run("ReqInvcNo", asked)).DATA.INVC_NO;
}

async function send(cj: CjClient, data: Readonly<Record<string, unknown>>): Promise<void> {
  await cj.run("RegBook", { operation: "create_label", data, shape: doneSchema, buys: true });
}

/** What was cancelled before is a duplicate too. */
async function cancel(cj: CjClient, booking: Readonly<Record<string, unknown>>): Promise<void> {
  const data = { ...booking, REQ_DV_CD: "02" };
  try {
    await cj.run("CnclBook", { operation: "void_label", data, shape: doneSchema, repeatable: true });
  } catch (error) {
    if (!isDuplicate(error)) throw error;
  }
}

function isDuplicate(error: unknown): boolean {
  return error instanceof CarrierRefusal && /ORA-00001|unique constraint/i.test(error.message);
}

/** A refused booking doesn't stand, so its number is free. */
function forgetting(tried: Map<string, unknown>, key: string, error: unknown): unknown {
  if (error instanceof CarrierRefusal) tried.delete(key);
  return error;
}

function stray(tried: Map<string, unknown>, key: string, cause: unknown): CarrierUncertain {
  tried.delete(key);
  return new CarrierUncertain(`CJ has ${key} already, under a number that nobody here knows`, { cause });
}

/** CJ says no, in words of its own, where there is nothing to cancel. */
function ignoreRefusal(error: unknown): void {
  if (!(error instanceof CarrierRefusal)) throw error;
}
