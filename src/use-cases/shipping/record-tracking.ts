import { createHash } from "node:crypto";
import type { CarrierFact } from "../../carriers/carrier.ts";
import type { Database } from "../../db/database.ts";
import { lockOrders } from "../../db/orders.ts";
import { appendEvents } from "../../db/outbox.ts";
import { lockShipments } from "../../db/shipments.ts";
import { dropKnownFacts, findNumberOwners, type NewTrackingEvent } from "../../db/tracking.ts";
import { inTransaction } from "../../db/transaction.ts";
import { followFacts } from "./follow-facts.ts";

export interface Recorded {
  /** Facts that were news. */
  recorded: number;
  /** Facts about numbers that are no shipment's. */
  unmatched: number;
}

/**
 * The one way in which carriers' facts enter, a list at a time. Late, repeated and shuffled facts are welcome: they are
 * kept, and the statuses they lead to are the same.
 */
export async function recordTracking(
  db: Database,
  facts: readonly CarrierFact[],
  source: "poll" | "webhook",
): Promise<Recorded> {
  const owners = new Map((await findNumberOwners(db, facts)).map((owner) => [numberKey(owner), owner]));
  const owned = facts.flatMap((fact) => {
    const owner = owners.get(numberKey(fact));
    return owner ? [{ ...fact, ...owner, source, dedupe_key: dedupeKey(fact) }] : [];
  });
  const news = await dropKnownFacts(db, owned);
  const unmatched = facts.length - owned.length;
  if (news.length === 0) return { recorded: 0, unmatched };
  return inTransaction(db, async (trx) => {
    await lockOrders(
      trx,
      news.map((fact) => fact.order_id),
    );
    const shipments = await lockShipments(
      trx,
      news.map((fact) => fact.shipment_id),
    );
    const events = await followFacts(trx, shipments, news satisfies NewTrackingEvent[]);
    await appendEvents(trx, events);
    return { recorded: events.filter((one) => one.type === "tracking.updated").length, unmatched };
  });
}

function numberKey({
  carrier_code,
  tracking_number,
}: {
  carrier_code: string;
  tracking_number: string;
}): string {
  return JSON.stringify([carrier_code, tracking_number]);
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
