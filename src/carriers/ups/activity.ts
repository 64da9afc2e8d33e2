import type { CarrierFact } from "../carrier.ts";
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

/** A thing without a time that can be read says nothing of where the parcel is. */
export function factOf(activity: UpsActivity, statusOf: StatusReader): CarrierFact[] {
  const { tracking_number, statusCode, activityCode, type, description, city, state, country } = activity;
  const occurred_at = momentOf(activity.times);
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

function momentOf({ gmtDate, gmtTime, date, time, gmtOffset }: UpsTimes): Date | undefined {
  if (gmtDate && gmtTime) return instantOf(`${gmtDate}${gmtTime.padStart(6, "0")}`, "UTC");
  const offset = /^[+-]\d{2}[:.]\d{2}$/.test(gmtOffset ?? "") ? gmtOffset?.replace(".", ":") : "";
  return instantOf(`${date ?? ""}${(time ?? "").padStart(6, "0")}${offset}`, "UTC");
}
