import { z } from "zod";
import type { CarrierFact } from "../carrier.ts";
import { zoneOfState } from "../state-time-zones.ts";
import type { CoarseWords, StatusReader } from "../status-map.ts";
import { instantOf } from "../wall-clock.ts";

type Text = string | null | undefined;

/** One thing that happened, told by Track and by Track Alert in different words. */
export interface UpsActivity {
  tracking_number: string;
  /** Three digits, such as `011`. */
  statusCode?: Text;
  /** Two letters, such as `OT`. */
  activityCode?: Text;
  /** One or two letters, such as `I`: too coarse to tell transit from the last mile. */
  type?: Text;
  /** Track Alert's type D only means the last mile until there is a date of delivery. */
  isDelivered: boolean;
  description?: Text;
  city?: Text;
  state?: Text;
  country?: Text;
  times: UpsTimes;
}

/** Each as `YYYYMMDD` and `HHMMSS`, zeros in front left out now and then. */
export interface UpsTimes {
  gmtDate?: Text;
  gmtTime?: Text;
  date?: Text;
  time?: Text;
  /** `-05:00` or `-05.00`. */
  gmtOffset?: Text;
}

/** `021` comes as a text, or as the number 21; nothing, as an empty text. */
export const statusCodeSchema = z
  .union([z.string().trim(), z.number()])
  .nullish()
  .transform((code) => (code === null || code === "" ? undefined : code?.toString().padStart(3, "0")));

/** A thing without a time that can be read says nothing of where the parcel is. */
export function factOf(activity: UpsActivity, statusOf: StatusReader): CarrierFact[] {
  const { tracking_number, statusCode, activityCode, type, description, city, state, country } = activity;
  const occurred_at = momentOf(activity);
  if (!occurred_at) return [];
  return [
    {
      carrier_code: "ups",
      tracking_number,
      ...statusOf(statusCode ?? "", wordsOf(activity)),
      raw_code: statusCode || activityCode || type || "",
      description: description?.trim() ?? "",
      location: [city, state, country].filter(Boolean).join(", "),
      occurred_at,
    },
  ];
}

function wordsOf({ activityCode, type, isDelivered }: UpsActivity): CoarseWords {
  const word = type?.trim();
  return {
    activityCode: activityCode?.trim(),
    typeBeforeDelivery: isDelivered ? undefined : word,
    type: word,
  };
}

function momentOf({ times, country, state }: UpsActivity): Date | undefined {
  const { gmtDate, gmtTime, date, time, gmtOffset } = times;
  if (gmtDate && gmtTime) return instantOf(`${gmtDate}${gmtTime.padStart(6, "0")}`, "UTC");
  const [, hours, minutes] = /^([+-]\d{2})[:.]?(\d{2})$/.exec(gmtOffset?.trim() ?? "") ?? [];
  const offset = hours ? `${hours}:${minutes}` : "";
  const wall = `${date ?? ""}${(time ?? "").padStart(6, "0")}`;
  return instantOf(wall + offset, zoneOfState(country, state));
}
