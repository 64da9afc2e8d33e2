import { z } from "zod";
import { TRACKING_STATUSES, type TrackingStatus } from "../domain/vocabulary.ts";

const statusesSchema = z.record(z.string(), z.enum(TRACKING_STATUSES));

/**
 * A carrier's `statuses.json`: what its codes mean, and where a code is new, what coarser words beside it mean, by the
 * name of the field that holds them.
 */
const statusMapSchema = z.strictObject({
  codes: statusesSchema,
  fallbacks: z.record(z.string(), statusesSchema).default({}),
});

/** In a carrier's settings: corrections of single codes, such as `{"XYZ": "exception"}`. They come first. */
export const statusCorrectionsSchema = statusesSchema.default({});

export interface MappedStatus {
  status: TrackingStatus;
  /** Set when nothing at all is known of the code, so that somebody can be told. */
  unmapped?: true;
}

/** Words of the carrier that are coarser than the code, by name of the fallback; asked in the order of the file. */
export type CoarseWords = Readonly<Record<string, string | undefined>>;

export type StatusReader = (code: string, words?: CoarseWords) => MappedStatus;

/** Throws when the file is not a status map. */
export function createStatusReader(
  file: unknown,
  corrections: Readonly<Record<string, TrackingStatus>> = {},
): StatusReader {
  const { codes, fallbacks } = statusMapSchema.parse(file);
  const known = new Map(Object.entries({ ...codes, ...corrections }));
  const coarser = Object.entries(fallbacks).map(
    ([name, statuses]) => [name, new Map(Object.entries(statuses))] as const,
  );
  return (code, words = {}) => {
    const exact = known.get(code);
    if (exact) return { status: exact };
    for (const [name, statuses] of coarser) {
      const status = statuses.get(words[name] ?? "");
      if (status) return { status };
    }
    return { status: "unknown", unmapped: true };
  };
}
