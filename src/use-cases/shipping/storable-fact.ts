import type { CarrierFact } from "../../carriers/carrier.ts";

const LONGEST_TEXT = 2_000;

/** A carrier's texts may hold what a database does not keep, and one of them must not stop the others. */
export function storable(fact: CarrierFact): CarrierFact {
  const { tracking_number, raw_code, description, location } = fact;
  return {
    ...fact,
    tracking_number: kept(tracking_number),
    raw_code: kept(raw_code),
    description: kept(description),
    location: kept(location),
  };
}

function kept(text: string): string {
  return text.replaceAll("\0", "").slice(0, LONGEST_TEXT).toWellFormed();
}
