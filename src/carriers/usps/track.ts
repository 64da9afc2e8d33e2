import { z } from "zod";
import { type CarrierHost, readJson } from "../answers.ts";
import type { CarrierFact, TrackedParcel } from "../carrier.ts";
import type { StatusReader } from "../status-map.ts";
import { instantOf } from "../wall-clock.ts";

const text = z.string().nullish();

const eventSchema = z.object({
  eventCode: text,
  eventType: text,
  eventTimestamp: text,
  GMTTimestamp: text,
  GMTOffset: text,
  eventCity: text,
  eventState: text,
  eventCountry: text,
});

/** Yes and no are often texts here, so none of them is read. */
export const trackingSchema = z.object({
  trackingNumber: text,
  statusCategory: text,
  trackingEvents: z.array(eventSchema).nullish(),
});

type Event = z.infer<typeof eventSchema>;
export type UspsTracking = z.infer<typeof trackingSchema>;

/** One call for each parcel; what USPS knows nothing of is left out. */
export async function trackUsps(
  host: CarrierHost,
  statusOf: StatusReader,
  parcels: readonly TrackedParcel[],
): Promise<CarrierFact[]> {
  const facts: CarrierFact[] = [];
  for (const { tracking_number } of parcels) {
    const path = `tracking/v3/tracking/${encodeURIComponent(tracking_number)}?expand=DETAIL`;
    const call = {
      operation: "track",
      method: "GET",
      path,
      headers: { accept: "application/json" },
    } as const;
    const answer = await host.find(call);
    if (!answer) continue;
    const tracking = readJson(answer, { name: "USPS", call, shape: trackingSchema });
    facts.push(...factsOf(tracking_number, tracking, statusOf));
  }
  return facts;
}

/** The category is that of the parcel, so it explains its newest event only. */
export function factsOf(
  tracking_number: string,
  { trackingEvents, statusCategory }: UspsTracking,
  statusOf: StatusReader,
): CarrierFact[] {
  const events = (trackingEvents ?? []).flatMap((event) => {
    const occurred_at = momentOf(event);
    return occurred_at ? [{ event, occurred_at }] : [];
  });
  const newest = Math.max(...events.map(({ occurred_at }) => occurred_at.getTime()));
  const category = statusCategory?.trim().toLowerCase();
  return events.map(({ event, occurred_at }) => ({
    carrier_code: "usps",
    tracking_number,
    ...statusOf(event.eventCode ?? "", {
      statusCategory: occurred_at.getTime() === newest ? category : undefined,
    }),
    raw_code: event.eventCode ?? "",
    description: event.eventType?.trim() ?? "",
    location: [event.eventCity, event.eventState, event.eventCountry].filter(Boolean).join(", "),
    occurred_at,
  }));
}

/**
 * `eventTimestamp` looks like UTC and is the time on the wall where it happened: it counts only together with its
 * offset, or when there is nothing else.
 */
function momentOf({ GMTTimestamp, eventTimestamp, GMTOffset }: Event): Date | undefined {
  if (GMTTimestamp) return instantOf(GMTTimestamp, "UTC");
  const wall = (eventTimestamp ?? "").replace(/Z$/i, "");
  const [, sign, hours = "", minutes] = /^([+-])(\d{1,2}):?(\d{2})$/.exec(GMTOffset?.trim() ?? "") ?? [];
  return instantOf(sign ? `${wall}${sign}${hours.padStart(2, "0")}:${minutes}` : wall, "UTC");
}
