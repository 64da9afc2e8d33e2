import type { CarrierFact } from "../carrier.ts";
import type { StatusReader } from "../status-map.ts";
import { instantOf } from "../wall-clock.ts";
import { ACS, type AcsRow, textOf } from "./client.ts";
import { ATHENS } from "./pickup-list.ts";

/** Says how the whole shipment stands, beside what happened to it on the way. */
export interface AcsJourney {
  tracking_number: string;
  /** Of `ACS_Trackingsummary`. */
  summary: AcsRow;
  /** Of `ACS_TrackingDetails`. */
  checkpoints: readonly AcsRow[];
}

/** Checkpoints are told in Greek words and Athens's time; only the summary has codes. */
export function factsOf(journey: AcsJourney, statusOf: StatusReader): CarrierFact[] {
  const returned = isSet(journey.summary, "returned_flag");
  const checkpoints = journey.checkpoints.flatMap((row) => checkpointFact(row, journey, statusOf, returned));
  const standing = summaryFact(journey, checkpoints, statusOf);
  return standing ? [...checkpoints, standing] : checkpoints;
}

function checkpointFact(
  row: AcsRow,
  { tracking_number }: AcsJourney,
  statusOf: StatusReader,
  returned: boolean,
): CarrierFact[] {
  const occurred_at = instantOf(textOf(row, "checkpoint_date_time"), ATHENS);
  const action = textOf(row, "checkpoint_action");
  if (!occurred_at || !action) return [];
  const text = plain(action);
  const mapped = statusOf(text, { text, word: text.split(" ")[0] });
  const description = [action, textOf(row, "checkpoint_notes")].filter(Boolean).join(": ");
  return [
    {
      carrier_code: ACS.code,
      tracking_number,
      ...mapped,
      // What comes back is handed over to the sender.
      ...(returned && mapped.status === "delivered" ? { status: "returned" as const } : {}),
      raw_code: text,
      description,
      location: textOf(row, "checkpoint_location"),
      occurred_at,
    },
  ];
}

/** The summary says nothing of when, so its standing is that of the latest checkpoint, if it says more than that. */
function summaryFact(
  { tracking_number, summary }: AcsJourney,
  checkpoints: readonly CarrierFact[],
  statusOf: StatusReader,
): CarrierFact | undefined {
  const raw_code = textOf(summary, "shipment_status");
  const given = instantOf(textOf(summary, "delivery_date"), ATHENS);
  const times = checkpoints.map((fact) => fact.occurred_at.getTime());
  const occurred_at = times.length > 0 ? new Date(Math.max(...times)) : given;
  const says = standingOf(summary, raw_code, statusOf);
  const reason = textOf(summary, "non_delivery_reason_code");
  const saysMore = reason !== "" || says?.status !== "in_transit" || checkpoints.length === 0;
  if (!raw_code || !occurred_at || !says || !saysMore) return undefined;
  return {
    carrier_code: ACS.code,
    tracking_number,
    ...says,
    raw_code: reason ? `${raw_code} ${reason}` : raw_code,
    description: textOf(summary, "delivery_info"),
    location: textOf(summary, "acs_station_destination_descr"),
    occurred_at,
  };
}

/** The flags have the last word: whatever its status, what is delivered is delivered, and maybe at the sender's door. */
function standingOf(
  summary: AcsRow,
  code: string,
  statusOf: StatusReader,
): ReturnType<StatusReader> | undefined {
  if (isSet(summary, "delivery_flag"))
    return { status: isSet(summary, "returned_flag") ? "returned" : "delivered" };
  if (code === "4") return undefined; // it has been handed over, and then again it hasn't: the checkpoints know
  return statusOf(code);
}

function isSet(row: AcsRow, flag: string): boolean {
  return row[flag] === true || textOf(row, flag) === "1";
}

/** In capitals and without accents, as ACS mostly writes. */
function plain(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toUpperCase().replace(/\s+/g, " ").trim();
}
