import { type Selectable, sql } from "kysely";
import type { TrackingFact } from "../domain/tracking.ts";
import type { TrackingStatus } from "../domain/vocabulary.ts";
import { column } from "./column.ts";
import type { Database } from "./database.ts";
import type { TrackingEvents } from "./schema.ts";
import type { Transaction } from "./transaction.ts";

export type TrackingEventRow = Selectable<TrackingEvents>;

export interface NumberOwner {
  shipment_id: bigint;
  order_id: bigint;
  package_id: bigint | null;
}

/** How a fact's number was found: with an owner, with owners that are too young for the fact, or without any. */
export type Ownership = { owner: NumberOwner } | "recycled" | "unknown";

/** A parcel may be scanned so long before we heard that it is a shipment's. What is older is another parcel's. */
const EARLIEST = "3 days";

/**
 * Whose facts these are, one answer each. Carriers recycle numbers: a fact from long before a shipment was made is not
 * about it; of the others a shipment under way comes before one at its end, then the newest.
 */
export async function findOwners(
  db: Database,
  facts: readonly { carrier_code: string; tracking_number: string; occurred_at: Date }[],
): Promise<Ownership[]> {
  if (facts.length === 0) return [];
  const { rows } = await sql<NumberOwner & { nth: bigint; is_old_enough: boolean }>`
    select distinct on (stated.nth) stated.nth, s.id as shipment_id, s.order_id, found.package_id, old.enough as is_old_enough
    from unnest(${column(facts, "carrier_code")}::text[], ${column(facts, "tracking_number")}::text[],
                ${column(facts, "occurred_at")}::timestamptz[])
         with ordinality as stated (carrier_code, tracking_number, occurred_at, nth)
    cross join lateral (
      select p.shipment_id, p.id as package_id from packages p where p.tracking_number = stated.tracking_number
      union all
      select own.id, null from shipments own where own.tracking_number = stated.tracking_number
    ) found
    join shipments s on s.id = found.shipment_id and s.carrier_code = stated.carrier_code and s.status <> 'cancelled'
    cross join lateral (
      select s.created_at - interval '${sql.raw(EARLIEST)}' <= stated.occurred_at as enough
    ) old
    order by stated.nth, old.enough desc, s.status in ('delivered', 'returned', 'lost'), s.id desc,
             found.package_id nulls last`.execute(db);
  const found = new Map(rows.map((row) => [Number(row.nth), row]));
  return facts.map((_, index) => {
    const row = found.get(index + 1);
    if (!row) return "unknown";
    const { shipment_id, order_id, package_id } = row;
    return row.is_old_enough ? { owner: { shipment_id, order_id, package_id } } : "recycled";
  });
}

export interface NewTrackingEvent {
  shipment_id: bigint;
  package_id: bigint | null;
  carrier_code: string;
  tracking_number: string;
  status: TrackingStatus;
  raw_code: string;
  description: string;
  location: string;
  occurred_at: Date;
  source: "poll" | "webhook" | "manual";
  dedupe_key: string;
  /** No status map knows its code. */
  is_unmapped?: boolean;
}

/** Leaves out what is recorded already: nobody has to be locked for old news. */
export async function dropKnownFacts<Fact extends { shipment_id: bigint; dedupe_key: string }>(
  db: Database,
  facts: readonly Fact[],
): Promise<Fact[]> {
  if (facts.length === 0) return [];
  const { rows } = await sql<{ nth: bigint }>`
    select nth from unnest(${column(facts, "shipment_id")}::bigint[], ${column(facts, "dedupe_key")}::text[])
      with ordinality as fact (shipment_id, dedupe_key, nth)
    where not exists (select from tracking_events known
      where known.shipment_id = fact.shipment_id and known.dedupe_key = fact.dedupe_key)`.execute(db);
  return rows.map(({ nth }) => facts[Number(nth) - 1] as Fact);
}

/** Appends what is not there yet; returns those rows. */
export async function insertTrackingEvents(
  trx: Transaction,
  events: readonly NewTrackingEvent[],
): Promise<TrackingEventRow[]> {
  if (events.length === 0) return [];
  const { rows } = await sql<TrackingEventRow>`
    insert into tracking_events (shipment_id, package_id, carrier_code, tracking_number, status, raw_code, description,
      location, occurred_at, source, dedupe_key, is_unmapped)
    select * from unnest(${column(events, "shipment_id")}::bigint[], ${column(events, "package_id")}::bigint[],
      ${column(events, "carrier_code")}::text[], ${column(events, "tracking_number")}::text[],
      ${column(events, "status")}::text[], ${column(events, "raw_code")}::text[], ${column(events, "description")}::text[],
      ${column(events, "location")}::text[], ${column(events, "occurred_at")}::timestamptz[],
      ${column(events, "source")}::text[], ${column(events, "dedupe_key")}::text[],
      ${events.map((event) => event.is_unmapped ?? false)}::boolean[])
    on conflict (shipment_id, dedupe_key) do nothing
    returning *`.execute(trx);
  return rows.sort((a, b) => a.occurred_at.getTime() - b.occurred_at.getTime() || (a.id < b.id ? -1 : 1));
}

export interface ShipmentFacts {
  /** Boxes with a number of their own: each must reach its end before the shipment does. */
  package_ids: bigint[];
  facts: TrackingFact[];
}

/** Everything stated about these locked shipments so far. */
export async function listShipmentFacts(
  trx: Transaction,
  shipment_ids: readonly bigint[],
): Promise<Map<bigint, ShipmentFacts>> {
  const facts = await sql<TrackingFact & { shipment_id: bigint }>`
    select shipment_id, package_id, status, occurred_at from tracking_events
    where shipment_id = any(${shipment_ids}::bigint[])`.execute(trx);
  const boxes = await sql<{ shipment_id: bigint; id: bigint }>`
    select shipment_id, id from packages
    where shipment_id = any(${shipment_ids}::bigint[]) and tracking_number is not null`.execute(trx);
  const factsOf = Map.groupBy(facts.rows, (row) => row.shipment_id);
  const boxesOf = Map.groupBy(boxes.rows, (row) => row.shipment_id);
  return new Map(
    shipment_ids.map((id) => [
      id,
      { package_ids: (boxesOf.get(id) ?? []).map((box) => box.id), facts: factsOf.get(id) ?? [] },
    ]),
  );
}

/** What carriers stated about a shipment or a package, oldest first, after the place that the caller has seen last. */
export async function listTrackingEvents(
  db: Database,
  subject: { shipment_id: bigint } | { package_id: bigint },
  page: { size: number; after: bigint },
): Promise<TrackingEventRow[]> {
  const condition =
    "shipment_id" in subject
      ? sql`shipment_id = ${subject.shipment_id}`
      : sql`package_id = ${subject.package_id}`;
  const { rows } = await sql<TrackingEventRow>`
    select * from tracking_events
    where ${condition} and (${page.after} = 0::bigint or (occurred_at, id) > (
      select last.occurred_at, last.id from tracking_events last where last.id = ${page.after}))
    order by occurred_at, id limit ${page.size}`.execute(db);
  return rows;
}
