import { z } from "zod";
import { TRACKING_STATUSES, type TrackingStatus } from "../../domain/vocabulary.ts";
import { createStatusReader, type MappedStatus } from "../status-map.ts";
import descriptions from "./descriptions.json" with { type: "json" };
import statuses from "./statuses.json" with { type: "json" };

const patternSchema = z.string().transform((text) => new RegExp(text, "i"));
const rulesSchema = z.array(z.strictObject({ pattern: patternSchema, status: z.enum(TRACKING_STATUSES) }));

/** Rules about the English words of an event; the first that fits counts. A warning tells of what may come. */
const rules = z
  .strictObject({
    warnings: patternSchema,
    returns: rulesSchema,
    exceptions: rulesSchema,
    others: rulesSchema,
  })
  .parse(descriptions);

export type EventReader = (code: string, description: string) => MappedStatus;

/**
 * What an event means. Its number alone doesn't say that a parcel comes back, nor whether what went wrong was an
 * attempt to deliver, so its words are asked as well. A number of which nothing is known is one of hundreds of scans on
 * the way; somebody is told all the same.
 */
export function createEventReader(corrections: Readonly<Record<string, TrackingStatus>>): EventReader {
  const corrected = new Map(Object.entries(corrections));
  const statusOf = createStatusReader(statuses);
  return (given, description) => {
    const code = given.replace(/^0+(?=\d)/, "");
    const byHand = corrected.get(given) ?? corrected.get(code);
    if (byHand) return { status: byHand };
    const turned = rules.warnings.test(description) ? undefined : firstRule(rules.returns, description);
    if (turned) return { status: turned };
    const mapped = statusOf(code);
    if (mapped.unmapped) return byWords(description);
    if (mapped.status !== "exception") return mapped;
    return { status: firstRule(rules.exceptions, description) ?? "exception" };
  };
}

function byWords(description: string): MappedStatus {
  const status = firstRule(rules.others, description);
  return status ? { status } : { status: "in_transit", unmapped: true };
}

function firstRule(list: z.output<typeof rulesSchema>, description: string): TrackingStatus | undefined {
  return list.find(({ pattern }) => pattern.test(description.trim()))?.status;
}
