import type { LabelRequest } from "../../../src/carriers/carrier.ts";
import type { RecordedTools } from "./carrier-tools.ts";

/** Which of the secrets, and of what is known of the people of a request, stand in what was put on record. */
export function leaks(
  { calls }: RecordedTools,
  { secrets, request: { from, to } }: { secrets: readonly string[]; request: LabelRequest },
): string[] {
  if (calls.length === 0) return ["nothing was put on record"];
  const record = JSON.stringify(calls);
  const people = [from, to].flatMap((one) => [one.contact_name, one.street, one.phone, one.email]);
  return [...secrets, ...people].filter((text) => text !== "" && record.includes(text));
}
