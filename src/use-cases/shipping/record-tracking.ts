import { createHash } from "node:crypto";
import type { CarrierFact } from "../../carriers/carrier.ts";
import type { Database } from "../../db/database.ts";
import { lockOrders } from "../../db/orders.ts";
import { appendEvents } from "../../db/outbox.ts";
import { lockShipments } from "../../db/shipments.ts";
import { dropKnownFacts, findOwners, type NewTrackingEvent, type NumberOwner } from "../../db/tracking.ts";
import { inTransaction } from "../../db/transaction.ts";
import { followFacts } from "./follow-facts.ts";
import { storable } from "./storable-fact.ts";

export interface Recorded {
  /** How many facts were news. */
  recorded: number;
  /** Facts about numbers that are no shipment's. */
  unmatched: CarrierFact[];
  /** Facts from long before the number was given to a shipment of ours: another parcel's, and kept out. */
  recycled: CarrierFact[];
}

type Source = "poll" | "webhook";
type OwnedFact = NewTrackingEvent & NumberOwner;

/**
 * The one way in which carriers' facts enter, a list at a time. Late, repeated and shuffled facts are welcome: they are
 * kept, and the statuses they lead to are the same.
 */
export async function recordTracking(
  db: Database,
  stated: readonly CarrierFact[],
  source: Source,
): Promise<Recorded> {
  const facts = stated.map(storable);
  const owners = await findOwners(db, facts);
  const owned = facts.flatMap((fact, index) => {
    const found = owners[index];
    return typeof found === "object" ? [eventOf(fact, found.owner, source)] : [];
  });
  return {
    recorded: await recordOwned(db, await dropKnownFacts(db, owned)),
    unmatched: facts.filter((_, index) => owners[index] === "unknown"),
    recycled: facts.filter((_, index) => owners[index] === "recycled"),
  };
}

async function recordOwned(db: Database, news: readonly OwnedFact[]): Promise<number> {
  if (news.length === 0) return 0;
  return inTransaction(db, async (trx) => {
    await lockOrders(
      trx,
      news.map((fact) => fact.order_id),
    );
    const shipments = await lockShipments(
      trx,
      news.map((fact) => fact.shipment_id),
    );
    const events = await followFacts(trx, shipments, news);
    await appendEvents(trx, events);
    return events.filter((one) => one.type === "tracking.updated").length;
  });
}

function eventOf({ unmapped, ...fact }: CarrierFact, owner: NumberOwner, source: Source): OwnedFact {
  return { ...fact, ...owner, source, dedupe_key: dedupeKey(fact), is_unmapped: unmapped ?? false };
}

/** Carriers seldom number their facts, so a fact is what it says: the same words again are the same fact. */
export function dedupeKey(fact: Omit<CarrierFact, "description" | "status">): string {
  const said = [
    fact.carrier_code,
    fact.tracking_number,
    fact.raw_code,
    fact.occurred_at.toISOString(),
    fact.location,
  ];
  return createHash("sha256").update(JSON.stringify(said)).digest("hex");
}
