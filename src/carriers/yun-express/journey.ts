import { z } from "zod";
import type { CarrierHost } from "../answers.ts";
import { type CarrierFact, CarrierRefusal, type TrackedParcel } from "../carrier.ts";
import { oneOrMore } from "../one-or-more.ts";
import type { StatusReader } from "../status-map.ts";
import { instantOf } from "../wall-clock.ts";
import { YUN_EXPRESS } from "./client.ts";

const text = z.string().nullish();
const eventSchema = z.object({
  process_time: text,
  process_utc_time: text,
  process_content: text,
  process_location: text,
  process_country: text,
  process_province: text,
  process_city: text,
  track_node_code: text,
  track_node_description: text,
});
const infoSchema = z.object({ track_events: oneOrMore(eventSchema) });
/** The events stand beside the status, or in `track_Info`, whose name is spelt in two ways. */
const trackedSchema = infoSchema.extend({
  package_status: text,
  track_Info: oneOrMore(infoSchema),
  track_info: oneOrMore(infoSchema),
});
const answerSchema = z.object({ result: oneOrMore(trackedSchema) });

type Tracked = z.output<typeof trackedSchema>;
type Event = z.output<typeof eventSchema>;

/** Asks for one parcel after the other; one that is not known yet is left out. */
export async function track(
  host: CarrierHost,
  parcels: readonly TrackedParcel[],
  statusOf: StatusReader,
): Promise<CarrierFact[]> {
  const facts: CarrierFact[] = [];
  for (const { tracking_number } of parcels) {
    const tracked = await findTracked(host, tracking_number);
    if (tracked) facts.push(...factsIn(tracked, tracking_number, statusOf));
  }
  return facts;
}

export async function findTracked(host: CarrierHost, number: string): Promise<Tracked | undefined> {
  const path = `v1/track-service/info/get?order_number=${encodeURIComponent(number)}`;
  try {
    return (await host.askJson({ operation: "track", method: "GET", path }, answerSchema)).result[0];
  } catch (error) {
    if (error instanceof CarrierRefusal && /not (found|exist)|不存在|未找到/i.test(error.message))
      return undefined;
    throw error;
  }
}

/** A node that is new to us still happened; how the parcel stands tells what the newest of them means. */
function factsIn(tracked: Tracked, tracking_number: string, statusOf: StatusReader): CarrierFact[] {
  const told = [...tracked.track_Info, ...tracked.track_info, tracked];
  const events = told.flatMap(({ track_events }) =>
    track_events.flatMap((event) => {
      const occurred_at = timeOf(event);
      return occurred_at ? [{ event, occurred_at }] : [];
    }),
  );
  const newest = Math.max(...events.map(({ occurred_at }) => occurred_at.getTime()));
  return events.map(({ event, occurred_at }) => {
    const raw_code = event.track_node_code || event.process_content || "";
    const package_status =
      occurred_at.getTime() === newest ? (tracked.package_status ?? undefined) : undefined;
    return {
      carrier_code: YUN_EXPRESS.code,
      tracking_number,
      ...statusOf(raw_code, { package_status }),
      raw_code,
      description: event.process_content || event.track_node_description || "",
      location: placeOf(event),
      occurred_at,
    };
  });
}

/** The UTC time often lacks its Z; the other one is China's, unless it says otherwise. */
function timeOf({ process_utc_time, process_time }: Event): Date | undefined {
  return instantOf(process_utc_time ?? "", "UTC") ?? instantOf(process_time ?? "", "Asia/Shanghai");
}

function placeOf(event: Event): string {
  const parts = [event.process_city, event.process_province, event.process_country].filter(Boolean);
  return event.process_location || parts.join(", ");
}
