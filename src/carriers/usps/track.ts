import { z } from "zod";
import { type CarrierHost, readJson } from "../answers.ts";
import type { CarrierFact, TrackedParcel } from "../carrier.ts";
import { zoneOfState } from "../state-time-zones.ts";
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

/** Of what is not known, USPS gives the number and an error. */
const batchSchema = z.union([z.array(trackingSchema), trackingSchema]).transform((answer) => [answer].flat());

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

/** One call for up to 35 parcels; 207: it knows some of them, 404: none. */
export async function trackUspsBatch(
  host: CarrierHost,
  statusOf: StatusReader,
  parcels: readonly TrackedParcel[],
): Promise<CarrierFact[]> {
  if (parcels.length === 0) return [];
  const call = {
    operation: "track_batch",
    method: "POST",
    path: "tracking/v3r2/tracking",
    headers: { "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify(parcels.map(({ tracking_number: trackingNumber }) => ({ trackingNumber }))),
    repeatable: true,
  } as const;
  const answer = await host.find(call);
  if (!answer) return [];
  const trackings = readJson(answer, { name: "USPS", call, shape: batchSchema });
  return trackings.flatMap((one) => factsOf(one.trackingNumber ?? "", one, statusOf));
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
 * `eventTimestamp` is the time on the wall where it happened, even where it ends in Z like UTC: alone it counts only if
 * it names another offset, else by its `GMTOffset`, else by the clocks of its state.
 */
function momentOf({
  GMTTimestamp,
  eventTimestamp,
  GMTOffset,
  eventState,
  eventCountry,
}: Event): Date | undefined {
  const exact = instantOf(GMTTimestamp ?? "", "UTC");
  if (exact) return exact;
  const wall = (eventTimestamp ?? "").trim().replace(/Z$/i, "");
  const hasOffset = /:\d\d.*[+-]\d{2}:?\d{2}$/.test(wall);
  const offset = hasOffset || !wall.includes(":") ? "" : paddedOffset(GMTOffset ?? "");
  return instantOf(wall + offset, zoneOfState(eventCountry || "US", eventState));
}

/** `-7:00` as `-07:00`. Empty: it is no offset. */
function paddedOffset(offset: string): string {
  const [, sign, hours = "", minutes] = /^\s*([+-])(\d{1,2}):?(\d{2})\s*$/.exec(offset) ?? [];
  return sign ? `${sign}${hours.padStart(2, "0")}:${minutes}` : "";
}
