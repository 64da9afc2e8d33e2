import { sql } from "kysely";
import type { TrackingStatus } from "../domain/vocabulary.ts";
import { column } from "./column.ts";
import type { Database } from "./database.ts";
import type { Transaction } from "./transaction.ts";

/** One thing that a carrier states about one parcel, as it waits to be worked in. */
export interface WaitingFact {
  carrier_code: string;
  tracking_number: string;
  status: TrackingStatus;
  raw_code: string;
  description: string;
  location: string;
  occurred_at: Date;
  unmapped?: true;
}

export interface NewDelivery {
  carrier_code: string;
  /** What tells it from others of the carrier's. */
  delivery_key: string;
  facts: readonly WaitingFact[];
}

/** Returns whether it is news: a delivery that is there already changes nothing. */
export async function insertDelivery(
  db: Database,
  { carrier_code, delivery_key, facts }: NewDelivery,
): Promise<boolean> {
  const { rows } = await sql`/* hot: insert_delivery */
    insert into webhook_deliveries (carrier_code, delivery_key, facts)
    values (${carrier_code}, ${delivery_key}, ${JSON.stringify(facts)}::jsonb)
    on conflict (carrier_code, delivery_key) do nothing returning id`.execute(db);
  return rows.length > 0;
}

export interface Delivery {
  id: bigint;
  facts: WaitingFact[];
}

/** So long nobody else works in what somebody has claimed; whoever needs longer is dead, and doing it twice is harmless. */
const CLAIM = "60 seconds";

/** The oldest deliveries that wait, for one caller. */
export async function claimDeliveries(db: Database, limit: number): Promise<Delivery[]> {
  const { rows } = await sql<{ id: bigint; facts: StoredFact[] }>`
    update webhook_deliveries set claimed_at = now() where id = any(array(
      select id from webhook_deliveries
      where processed_at is null and (claimed_at is null or claimed_at < now() - interval '${sql.raw(CLAIM)}')
      order by id limit ${limit} for update skip locked))
    returning id, facts`.execute(db);
  return rows
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .map(({ id, facts }) => ({ id, facts: facts.map(revived) }));
}

export async function finishDeliveries(trx: Transaction, ids: readonly bigint[]): Promise<void> {
  await sql`update webhook_deliveries set processed_at = now() where id = any(${ids}::bigint[])`.execute(trx);
}

/** A fact as JSON has it. */
type StoredFact = Omit<WaitingFact, "occurred_at"> & { occurred_at: string };

function revived(fact: StoredFact): WaitingFact {
  return { ...fact, occurred_at: new Date(fact.occurred_at) };
}

/** Keeps facts about numbers that are nobody's yet. */
export async function parkFacts(
  trx: Transaction,
  facts: readonly (WaitingFact & { dedupe_key: string })[],
): Promise<void> {
  if (facts.length === 0) return;
  const bodies = facts.map(({ dedupe_key: _key, ...fact }) => JSON.stringify(fact));
  await sql`
    insert into parked_facts (carrier_code, tracking_number, dedupe_key, fact)
    select * from unnest(${column(facts, "carrier_code")}::text[], ${column(facts, "tracking_number")}::text[],
      ${column(facts, "dedupe_key")}::text[], ${bodies}::jsonb[])
    on conflict (carrier_code, dedupe_key) do nothing`.execute(trx);
}

export interface ParkedFact {
  id: bigint;
  fact: WaitingFact;
}

/**
 * Parked facts whose number a shipment may have by now: it got the number since, or they were parked so recently that
 * neither may have seen the other.
 */
export async function listDueParkedFacts(db: Database, limit: number): Promise<ParkedFact[]> {
  const { rows } = await sql<{ id: bigint; fact: StoredFact }>`
    select id, fact from parked_facts where is_due
    union
    select parked.id, parked.fact from parked_facts parked
    where parked.parked_at > now() - interval '10 minutes' and (
      exists (select from shipments s
        where s.tracking_number = parked.tracking_number and s.carrier_code = parked.carrier_code
          and s.status <> 'cancelled')
      or exists (select from packages p join shipments s on s.id = p.shipment_id
        where p.tracking_number = parked.tracking_number and s.carrier_code = parked.carrier_code
          and s.status <> 'cancelled'))
    order by id limit ${limit}`.execute(db);
  return rows.map(({ id, fact }) => ({ id, fact: revived(fact) }));
}

/** `found`: they are recorded. `still_parked`: the number went to somebody else. */
export async function settleParkedFacts(
  trx: Transaction,
  { found, still_parked }: { found: readonly bigint[]; still_parked: readonly bigint[] },
): Promise<void> {
  await sql`delete from parked_facts where id = any(${found}::bigint[])`.execute(trx);
  await sql`update parked_facts set is_due = false where id = any(${still_parked}::bigint[])`.execute(trx);
}
