import {
  type BoughtLabel,
  type Carrier,
  type CarrierCapabilities,
  CarrierRefusal,
  CarrierUnavailable,
  CarrierUncertain,
  type LabelPackage,
  type LabelRequest,
  type LabelToVoid,
} from "../carrier.ts";
import { drawLabel } from "../own-label.ts";
import type { CarrierTools } from "../tools.ts";
import { checkAddresses, isParty, partiesOf } from "./booking.ts";
import { type Booking, type CjBookings, createCjBookings } from "./bookings.ts";
import { CJ, createCjClient } from "./client.ts";
import type { CjSettings } from "./settings.ts";
import { sortingOf } from "./sorting.ts";
import { createTracker } from "./tracker.ts";

const CAPABILITIES: CarrierCapabilities = {
  labelFormats: [],
  repeat: "lookup",
  voidsLabels: true,
  tracking: "poll",
  trackingBatchSize: 500,
  minPollSeconds: 3 * 3600,
  rateLimit: null,
};

/** Boxes booked with CJ Logistics in Korea; the numbers are CJ's, the labels, with CJ's sort codes, are ours. */
export function createCjCarrier(settings: CjSettings, tools: CarrierTools): Carrier {
  const cj = createCjClient(settings, tools);
  const bookings = createCjBookings(cj, settings, tools);
  return {
    ...CJ,
    capabilities: CAPABILITIES,
    createLabel: async (request) => {
      checkAddresses(request);
      const sorting = await sortingOf(cj, request, settings);
      const booked = await bookAll(bookings, request);
      const draw = (box: LabelPackage, index: number): BoughtLabel =>
        drawLabel(tools, {
          carrier_name: CJ.name,
          ...sorting,
          format: settings.labelFormat,
          request,
          box,
          tracking_number: (booked[index] as Booking).invoice,
        });
      return { labels: request.packages.map(draw), carrier_reference: referenceOf(booked) };
    },
    findByReference: async (request) => {
      await bookings.cancelStray(request);
      return undefined;
    },
    voidLabel: (label) => cancelAll(bookings, label),
    track: createTracker(cj, settings, tools),
  };
}

/** One after the other; when one is refused, those before it are given back. */
async function bookAll(bookings: CjBookings, request: LabelRequest): Promise<Booking[]> {
  const booked: Booking[] = [];
  for (const box of request.packages)
    try {
      booked.push(await bookings.book(request, box));
    } catch (error) {
      throw await afterFirst(bookings, booked, error);
    }
  return booked;
}

async function afterFirst(
  bookings: CjBookings,
  booked: readonly Booking[],
  error: unknown,
): Promise<unknown> {
  if (booked.length === 0) return error;
  const numbers = booked.map(({ invoice }) => invoice).join(", ");
  if (error instanceof CarrierUnavailable)
    return new CarrierUncertain(`CJ has booked ${numbers}, not the rest: ${error.message}`, { cause: error });
  if (!(error instanceof CarrierRefusal)) return error;
  try {
    for (const { data } of booked) await bookings.cancel(data);
    return error;
  } catch (cause) {
    const text = `CJ refused a box, and did not take back ${numbers}: ${error.message}`;
    return new CarrierUncertain(text, { cause });
  }
}

/** A cancellation repeats the whole booking; who sends and who receives it, the shipment knows. */
function referenceOf(booked: readonly Booking[]): string {
  return JSON.stringify(
    booked.map(({ data }) => data),
    (key, value) => (isParty(key) ? undefined : value),
  );
}

async function cancelAll(bookings: CjBookings, label: LabelToVoid): Promise<void> {
  const { tracking_numbers, carrier_reference, request } = label;
  if (carrier_reference === undefined && tracking_numbers.length === 0) return;
  if (carrier_reference === undefined)
    throw new CarrierRefusal(
      `CJ cancels a booking only when told all of it again, and that was not kept: cancel ${tracking_numbers.join(", ")} in CJ's own list`,
    );
  const parties = request ? partiesOf(await request()) : {};
  for (const booking of JSON.parse(carrier_reference) as Record<string, unknown>[])
    await bookings.cancel({ ...parties, ...booking });
}
