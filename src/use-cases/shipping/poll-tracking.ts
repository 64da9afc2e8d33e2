import type { Carrier, CarrierFact } from "../../carriers/carrier.ts";
import type { Database } from "../../db/database.ts";
import {
  claimDueParcels,
  forgetFailures,
  hastenPolls,
  type PolledParcel,
  type PollPlan,
  pausePolls,
} from "../../db/polling.ts";
import { recordTracking } from "./record-tracking.ts";

/** Where a call takes one number only, so many parcels are claimed and recorded together all the same. */
const FEWEST_AT_ONCE = 20;
/** A carrier that refuses so many questions in a row refuses us. */
const REFUSALS = 3;
/** The other carriers wait for the end of a round, so none takes longer. */
const ROUND_MS = 20_000;

/**
 * Asks a carrier about its parcels under way that are due: those out for delivery every `every_ms`, the others less
 * often, old ones less and less, and none more often than the carrier allows; after sixty days none. Any number of
 * processes may do it at once: each parcel is claimed by one. A carrier that does not answer is left alone for a while;
 * the error is thrown. Returns of how many parcels it was asked.
 */
export async function pollTracking(db: Database, carrier: Carrier, every_ms: number): Promise<number> {
  const { tracking } = carrier.capabilities;
  if (!carrier.track || tracking === "push" || tracking === "none") return 0;
  const plan = planOf(carrier, every_ms);
  const round: Round = { asked: 0, refusals: 0, refusal: undefined };
  const end = performance.now() + ROUND_MS;
  while (performance.now() < end) {
    const parcels = await claimDueParcels(db, plan);
    if (parcels.length === 0) break;
    const facts = await askAll(db, carrier, parcels, round);
    await recordTracking(db, facts, "poll");
    await hastenPolls(db, shipmentsOf(parcels), plan);
    round.asked += parcels.length;
  }
  if (round.refusal) throw round.refusal;
  if (round.asked > 0) await forgetFailures(db, carrier.code);
  return round.asked;
}

interface Round {
  asked: number;
  /** In a row. */
  refusals: number;
  refusal: unknown;
}

function planOf({ code, capabilities }: Carrier, every_ms: number): PollPlan & { batch: number } {
  const { trackingBatchSize: batch, minPollSeconds, rateLimit } = capabilities;
  const limit = Math.max(batch, FEWEST_AT_ONCE);
  return { carrier_code: code, every_ms, min_ms: minPollSeconds * 1000, limit, batch, rateLimit };
}

/** What it says of claimed parcels, a batch of numbers a call. When it fails, what it said before is recorded. */
async function askAll(
  db: Database,
  carrier: Carrier,
  parcels: readonly PolledParcel[],
  round: Round,
): Promise<CarrierFact[]> {
  const { trackingBatchSize: batch } = carrier.capabilities;
  const facts: CarrierFact[] = [];
  for (let start = 0; start < parcels.length; start += batch) {
    try {
      facts.push(...((await carrier.track?.(parcels.slice(start, start + batch))) ?? []));
      round.refusals = 0;
    } catch (error) {
      // About these parcels it will not say more the next minute; about the others it may.
      if (isRefusal(error) && ++round.refusals < REFUSALS) round.refusal ??= error;
      else {
        await recordTracking(db, facts, "poll");
        const calls = Math.ceil((parcels.length - start) / batch) - 1; // one was made, in vain
        const left = { carrier_code: carrier.code, shipment_ids: shipmentsOf(parcels.slice(start)), calls };
        await pausePolls(db, left, wishOf(error));
        throw error;
      }
    }
  }
  return facts;
}

function shipmentsOf(parcels: readonly PolledParcel[]): bigint[] {
  return [...new Set(parcels.map((parcel) => parcel.shipment_id))];
}

/** Errors of the port are known by name here: only their type comes from the carriers. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && error.name === "CarrierRefusal";
}

function wishOf(error: unknown): number | null {
  const { retryAfterSeconds } = (error ?? {}) as { retryAfterSeconds?: unknown };
  return typeof retryAfterSeconds === "number" ? retryAfterSeconds : null;
}
