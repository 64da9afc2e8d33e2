import type { Database } from "../../db/database.ts";
import { inTransaction } from "../../db/transaction.ts";
import {
  claimDeliveries,
  type Delivery,
  finishDeliveries,
  listDueParkedFacts,
  parkFacts,
  settleParkedFacts,
} from "../../db/webhooks.ts";
import { dedupeKey, recordTracking } from "./record-tracking.ts";

/** Deliveries worked in by one transaction. */
const BATCH = 200;
const PARKED_BATCH = 1_000;

export interface WorkedIn {
  deliveries: number;
  /** Facts that were news. */
  recorded: number;
  /** Facts about numbers that nobody has yet. */
  parked: number;
  /** Numbers of which the carrier told what happened to another parcel, long ago. */
  recycled: string[];
  /** Deliveries that could not be worked in; each is tried again after a minute. */
  failed: { delivery_id: bigint; error: unknown }[];
}

/**
 * Works in what carriers' hosts have sent, in the order in which it came, until nothing waits. Any number of processes
 * may; who dies on the way leaves what he had to the next one, and what was half done is done again without effect.
 */
export async function workInWebhooks(db: Database): Promise<WorkedIn> {
  const total: WorkedIn = { deliveries: 0, recorded: 0, parked: 0, recycled: [], failed: [] };
  for (;;) {
    const deliveries = await claimDeliveries(db, BATCH);
    if (deliveries.length === 0) return total;
    await workIn(db, deliveries, total).catch(() => workInSingly(db, deliveries, total));
  }
}

/** One that can't be worked in must not keep the others. */
async function workInSingly(db: Database, deliveries: readonly Delivery[], total: WorkedIn): Promise<void> {
  for (const delivery of deliveries)
    await workIn(db, [delivery], total).catch(
      (error: unknown) => void total.failed.push({ delivery_id: delivery.id, error }),
    );
}

async function workIn(db: Database, deliveries: readonly Delivery[], total: WorkedIn): Promise<void> {
  const facts = deliveries.flatMap((delivery) => delivery.facts);
  const { recorded, unmatched, recycled } = await recordTracking(db, facts, "webhook");
  await inTransaction(db, async (trx) => {
    await parkFacts(
      trx,
      unmatched.map((fact) => ({ ...fact, dedupe_key: dedupeKey(fact) })),
    );
    await finishDeliveries(
      trx,
      deliveries.map(({ id }) => id),
    );
  });
  total.deliveries += deliveries.length;
  total.recorded += recorded;
  total.parked += unmatched.length;
  total.recycled.push(...recycled.map((fact) => fact.tracking_number));
}

/** Looks again at facts that came before their number was a shipment's. Returns how many were news of one. */
export async function workInParkedFacts(db: Database): Promise<number> {
  for (let total = 0; ; ) {
    const parked = await listDueParkedFacts(db, PARKED_BATCH);
    if (parked.length === 0) return total;
    const facts = parked.map(({ fact }) => fact);
    const { recorded, unmatched } = await recordTracking(db, facts, "webhook");
    const unknown = new Set(unmatched.map(dedupeKey));
    const isUnknown = ({ fact }: (typeof parked)[number]) => unknown.has(dedupeKey(fact));
    const found = parked.filter((one) => !isUnknown(one)).map(({ id }) => id);
    const still_parked = parked.filter(isUnknown).map(({ id }) => id);
    await inTransaction(db, (trx) => settleParkedFacts(trx, { found, still_parked }));
    total += recorded;
    if (found.length === 0) return total;
  }
}
