import { askEach } from "../ask-each.ts";
import type { CarrierFact, TrackedParcel } from "../carrier.ts";
import { createStatusReader, type StatusReader } from "../status-map.ts";
import type { CarrierTools } from "../tools.ts";
import { newScans } from "./bulk.ts";
import type { CjClient } from "./client.ts";
import { factsOf, scansOf } from "./scans.ts";
import type { CjSettings } from "./settings.ts";
import statuses from "./statuses.json" with { type: "json" };

/** So few are asked for one by one; of more, CJ wants to be asked for whatever is new. */
const ONE_BY_ONE = 20;
const DAY_MS = 86_400_000;
const REMEMBERED = 100_000;

/**
 * Asks for what is new, and once a day for each parcel by itself: what CJ has told once, and we lost, it doesn't tell
 * again.
 */
export function createTracker(
  cj: CjClient,
  { customerId, statuses: corrections }: CjSettings,
  { now }: CarrierTools,
): (parcels: readonly TrackedParcel[]) => Promise<CarrierFact[]> {
  const statusOf = createStatusReader(statuses, corrections);
  const asked = new Map<string, number>();
  return async (parcels) => {
    const many = parcels.length > ONE_BY_ONE;
    const at = now().getTime();
    const due = parcels.filter(({ tracking_number: number }) => !many || isDue(asked.get(number), at));
    // First those who can be asked again: so no failure of theirs loses what CJ tells once.
    const facts = await askEach(due, (number) => factsAbout(cj, { customerId, number }, statusOf));
    if (many) facts.push(...factsOf(await newScans(cj, customerId, now()), statusOf));
    for (const { tracking_number } of due) {
      asked.delete(tracking_number);
      asked.set(tracking_number, at);
    }
    while (asked.size > REMEMBERED) asked.delete(asked.keys().next().value as string);
    return facts;
  };
}

function isDue(asked_at: number | undefined, at: number): boolean {
  return asked_at === undefined || at - asked_at >= DAY_MS;
}

async function factsAbout(
  cj: CjClient,
  { customerId, number }: { customerId: string; number: string },
  statusOf: StatusReader,
): Promise<CarrierFact[]> {
  return factsOf(await scansOf(cj, customerId, number), statusOf);
}
