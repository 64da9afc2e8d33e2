import { z } from "zod";
import type { CarrierHost } from "../answers.ts";
import type { CarrierFact, TrackedParcel } from "../carrier.ts";
import { oneOrMore } from "../one-or-more.ts";
import { zoneOfState } from "../state-time-zones.ts";
import { instantOf } from "../wall-clock.ts";
import { xmlText } from "../xml.ts";
import { readDocument, TRACKING_TYPE } from "./canada-post-host.ts";
import type { EventReader } from "./status.ts";
import { offsetOf } from "./time-zones.ts";

const occurrenceSchema = z.object({
  "event-identifier": xmlText,
  "event-date": xmlText,
  "event-time": xmlText,
  "event-time-zone": xmlText,
  "event-description": xmlText,
  "event-site": xmlText,
  "event-province": xmlText,
});

const detailSchema = z.object({
  "tracking-detail": z.object({
    "significant-events": z
      .union([z.object({ occurrence: oneOrMore(occurrenceSchema) }), z.literal("")])
      .optional(),
  }),
});

type Occurrence = z.infer<typeof occurrenceSchema>;

/** Say nothing of the parcel: pictures of the signature, or of the place, can be had or not. */
const PICTURES = /^0*(20|21|2001)$/;

export interface CanadaPostTracking {
  host: CarrierHost;
  statusOf: EventReader;
  /** Waits for a turn, or throws CarrierUnavailable. */
  pace: () => Promise<void>;
}

/** One call for each parcel; those that have not been scanned yet are left out. */
export async function trackCanadaPost(
  { host, statusOf, pace }: CanadaPostTracking,
  parcels: readonly TrackedParcel[],
): Promise<CarrierFact[]> {
  const facts: CarrierFact[] = [];
  for (const { tracking_number } of parcels) {
    const path = `vis/track/pin/${encodeURIComponent(tracking_number)}/detail`;
    const call = { operation: "track", method: "GET", path, headers: { accept: TRACKING_TYPE } } as const;
    await pace();
    const answer = await host.find(call);
    const events =
      answer && readDocument(answer, call, detailSchema)["tracking-detail"]["significant-events"];
    facts.push(...(events ? events.occurrence : []).flatMap((one) => factOf(tracking_number, one, statusOf)));
  }
  return facts;
}

/** An event without a time that can be read says nothing of where the parcel is. */
function factOf(tracking_number: string, event: Occurrence, statusOf: EventReader): CarrierFact[] {
  const raw_code = event["event-identifier"];
  const description = event["event-description"];
  const occurred_at = momentOf(event);
  if (!occurred_at || PICTURES.test(raw_code)) return [];
  const location = [event["event-site"], event["event-province"]].filter(Boolean).join(", ");
  const status = statusOf(raw_code, description);
  return [
    { carrier_code: "canada_post", tracking_number, ...status, raw_code, description, location, occurred_at },
  ];
}

function momentOf(event: Occurrence): Date | undefined {
  const wall = `${event["event-date"]} ${event["event-time"] || "00:00:00"}`;
  return instantOf(wall + offsetOf(event["event-time-zone"]), zoneOfState("CA", event["event-province"]));
}
