import { type Selectable, sql } from "kysely";
import type { TrackingFact } from "../domain/tracking.ts";
import type { TrackingStatus } from "../domain/vocabulary.ts";
import type { Database } from "./database.ts";
import type { TrackingEvents } from "./schema.ts";
import { column } from "./stock.ts";
import type { Transaction } from "./transaction.ts";

export type TrackingEventRow = Selectable<TrackingEvents>;

export interface NumberOwner {
  carrier_code: string;
  tracking_number: string;
  shipment_id: bigint;
  order_id: bigint;
  package_id: bigint | null;
}

/** Whose numbers these are. Carriers recycle numbers: a shipment under way comes before one at its end, then the newest. */
export async function findNumberOwners(
  db: Database,
  numbers: readonly { carrier_code: string; tracking_number: string }[],
): Promise<NumberOwner[]> {
  const { rows } = await sql<NumberOwner>`
    select distinct on (stated.carrier_code, stated.tracking_number) stated.carrier_code, stated.tracking_number,
           s.id as shipment_id, s.order_id, found.package_id
    from unnest(${column(numbers, "carrier_code")}::text[], ${column(numbers, "tracking_number")}::text[])
         as stated (carrier_code, tracking_number)
    cross join lateral (
      select p.shipment_id, p.id as package_id from packages p where p.tracking_number = stated.tracking_number
      union all
      select own.id, null from shipments own where own.tracking_number = stated.tracking_number
    ) found
    join shipments s on s.id = found.shipment_id and s.carrier_code = stated.carrier_code and s.status <> 'cancelled'
    order by stated.carrier_code, stated.tracking_number, s.status in ('delivered', 'returned', 'lost'), s.id desc,
             found.package_id nulls last`.execute(db);
  return rows;
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
      location, occurred_at, source, dedupe_key)
    select * from unnest(${column(events, "shipment_id")}::bigint[], ${column(events, "package_id")}::bigint[],
      ${column(events, "carrier_code")}::text[], ${column(events, "tracking_number")}::text[],
      ${column(events, "status")}::text[], ${column(events, "raw_code")}::text[], ${column(events, "description")}::text[],
      ${column(events, "location")}::text[], ${column(events, "occurred_at")}::timestamptz[],
      ${column(events, "source")}::text[], ${column(events, "dedupe_key")}::text[])
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

export interface PolledParcel {
  shipment_id: bigint;
  tracking_number: string;
  shipped_at: Date | null;
}

/**
 * Takes the carrier's shipments that were not asked about for a while, longest first, each for one caller; returns the
 * numbers of their boxes.
 */
export async function claimDueParcels(
  db: Database,
  { carrier_code, every_ms, limit }: { carrier_code: string; every_ms: number; limit: number },
): Promise<PolledParcel[]> {
  const { rows } = await sql<PolledParcel>`
    with due as (
      select id from shipments
      where carrier_code = ${carrier_code} and tracking_number is not null
        and status in ('ready', 'shipped', 'in_transit', 'out_for_delivery', 'available_for_pickup', 'exception')
        and (last_polled_at is null or last_polled_at <= now() - ${every_ms} * interval '1 millisecond')
      order by last_polled_at nulls first, id limit ${limit} for update skip locked
    ), claimed as (
      update shipments s set last_polled_at = now() from due where s.id = due.id
      returning s.id, s.tracking_number, s.shipped_at
    )
    select claimed.id as shipment_id, number.tracking_number, claimed.shipped_at
    from claimed cross join lateral (
      select claimed.tracking_number
      union
      select p.tracking_number from packages p where p.shipment_id = claimed.id and p.tracking_number is not null
    ) number
    order by claimed.id`.execute(db);
  return rows;
}
