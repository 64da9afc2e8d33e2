import { sql } from "kysely";
import type { LocationKind, RemovalStrategy } from "../domain/vocabulary.ts";
import { column } from "./column.ts";
import type { Database } from "./database.ts";
import type { Transaction } from "./transaction.ts";

export interface WarehouseRow {
  id: bigint;
  code: string;
  name: string;
  priority: number;
  address: Record<string, string>;
  gs1_company_prefix: string | null;
  created_at: Date;
  updated_at: Date;
}

export interface NewWarehouse {
  code: string;
  name: string;
  priority: number;
  address: Record<string, string>;
  /** Left out: as it was. Empty: none. */
  gs1_company_prefix?: string | undefined;
}

/** Makes or updates warehouses by code, each with its put-back and quarantine place; in the order given. */
export async function upsertWarehouses(
  trx: Transaction,
  rows: readonly NewWarehouse[],
): Promise<WarehouseRow[]> {
  const stored = await sql<WarehouseRow>`
    with given as (
      select * from unnest(${column(rows, "code")}::text[], ${column(rows, "name")}::text[],
        ${column(rows, "priority")}::int[], ${rows.map((row) => JSON.stringify(row.address))}::jsonb[],
        ${rows.map((row) => row.gs1_company_prefix ?? null)}::text[]) as warehouse (code, name, priority, address, prefix)
    )
    insert into warehouses as w (code, name, priority, address, gs1_company_prefix)
    select code, name, priority, address, nullif(prefix, '') from given order by code
    on conflict (code) do update set name = excluded.name, priority = excluded.priority, address = excluded.address,
      gs1_company_prefix = (select nullif(coalesce(prefix, w.gs1_company_prefix), '') from given where code = w.code),
      updated_at = now()
    returning id, code, name, priority, address, gs1_company_prefix, created_at, updated_at`.execute(trx);
  await sql`
    insert into locations (warehouse_id, code, barcode, kind)
    select w.id, place.code, place.code, place.kind
    from unnest(${stored.rows.map((row) => row.id)}::bigint[]) as w (id),
         (values ('PUT-BACK', 'put_back'), ('QUARANTINE', 'quarantine')) as place (code, kind)
    where not exists (select from locations l where l.warehouse_id = w.id and l.kind = place.kind)
    order by w.id on conflict do nothing`.execute(trx);
  const byCode = new Map(stored.rows.map((row) => [row.code, row]));
  return rows.map((row) => byCode.get(row.code) as WarehouseRow);
}

export async function findUnknownWarehouse(
  db: Database | Transaction,
  ids: readonly bigint[],
): Promise<bigint | undefined> {
  if (ids.length === 0) return undefined;
  const { rows } = await sql<{ id: bigint }>`
    select wanted.id from unnest(${ids}::bigint[]) as wanted (id)
    where not exists (select from warehouses w where w.id = wanted.id) order by 1 limit 1`.execute(db);
  return rows[0]?.id;
}

export async function findUnknownListing(
  db: Database | Transaction,
  listing_ids: readonly bigint[],
): Promise<bigint | undefined> {
  const { rows } = await sql<{ listing_id: bigint }>`
    select wanted.listing_id from unnest(${listing_ids}::bigint[]) as wanted (listing_id)
    where not exists (select from listings l where l.listing_id = wanted.listing_id) order by 1 limit 1`.execute(
    db,
  );
  return rows[0]?.listing_id;
}

export interface LocationRow {
  id: bigint;
  warehouse_id: bigint;
  zone_code: string;
  code: string;
  barcode: string;
  kind: LocationKind;
  aisle: number;
  bay: number;
  level: number;
  pick_sequence: number;
  created_at: Date;
  updated_at: Date;
}

type NewLocation = Omit<LocationRow, "id" | "warehouse_id" | "created_at" | "updated_at">;

/** Makes or updates places by code; in the order given. */
export async function upsertLocations(
  trx: Transaction,
  warehouse_id: bigint,
  rows: readonly NewLocation[],
): Promise<LocationRow[]> {
  await sql`
    insert into zones (warehouse_id, code)
    select distinct ${warehouse_id}::bigint, code from unnest(${column(rows, "zone_code")}::text[]) as zone (code)
    where code <> '' order by 2 on conflict do nothing`.execute(trx);
  const stored = await sql<LocationRow>`
    insert into locations as l (warehouse_id, zone_id, code, barcode, kind, aisle, bay, level, pick_sequence)
    select ${warehouse_id}::bigint, zones.id, place.code, place.barcode, place.kind, aisle, bay, level, pick_sequence
    from unnest(${column(rows, "zone_code")}::text[], ${column(rows, "code")}::text[], ${column(rows, "barcode")}::text[],
      ${column(rows, "kind")}::text[], ${column(rows, "aisle")}::int[], ${column(rows, "bay")}::int[],
      ${column(rows, "level")}::int[], ${column(rows, "pick_sequence")}::int[])
      as place (zone_code, code, barcode, kind, aisle, bay, level, pick_sequence)
    left join zones on zones.warehouse_id = ${warehouse_id}::bigint and zones.code = place.zone_code
    order by place.code
    on conflict (warehouse_id, code) do update set zone_id = excluded.zone_id, barcode = excluded.barcode,
      kind = excluded.kind, aisle = excluded.aisle, bay = excluded.bay, level = excluded.level,
      pick_sequence = excluded.pick_sequence, updated_at = now()
    returning id, warehouse_id, coalesce((select code from zones where zones.id = l.zone_id), '') as zone_code, code,
      barcode, kind, aisle, bay, level, pick_sequence, created_at, updated_at`.execute(trx);
  const byCode = new Map(stored.rows.map((row) => [row.code, row]));
  return rows.map((row) => byCode.get(row.code) as LocationRow);
}

/** Of these codes, one whose place holds goods and is of another kind now: what is for sale must not change that way. */
export async function findStockedPlace(
  trx: Transaction,
  warehouse_id: bigint,
  rows: readonly { code: string; kind: LocationKind }[],
): Promise<{ code: string; kind: LocationKind } | undefined> {
  const result = await sql<{ code: string; kind: LocationKind }>`
    select l.code, l.kind from locations l
    join unnest(${column(rows, "code")}::text[], ${column(rows, "kind")}::text[]) as wanted (code, kind)
      on wanted.code = l.code and wanted.kind <> l.kind
    where l.warehouse_id = ${warehouse_id}
      and exists (select from product_locations lot where lot.location_id = l.id and lot.quantity > 0)
    limit 1`.execute(trx);
  return result.rows[0];
}

export interface ListingRow {
  listing_id: bigint;
  sku: string;
  name: string;
  barcodes: string[];
  weight: number | null;
  length: number | null;
  width: number | null;
  height: number | null;
  removal_strategy: RemovalStrategy;
  created_at: Date;
  updated_at: Date;
}

type NewListing = Omit<ListingRow, "created_at" | "updated_at">;

/** Makes or updates listings by the Listings service's id; in the order given. */
export async function upsertListings(trx: Transaction, rows: readonly NewListing[]): Promise<ListingRow[]> {
  const stored = await sql<ListingRow>`
    insert into listings as l (listing_id, sku, name, barcodes, weight, length, width, height, removal_strategy)
    select listing_id, sku, name, array(select jsonb_array_elements_text(barcodes)), weight, length, width, height, removal_strategy
    from unnest(${column(rows, "listing_id")}::bigint[], ${column(rows, "sku")}::text[], ${column(rows, "name")}::text[],
      ${rows.map((row) => JSON.stringify(row.barcodes))}::jsonb[], ${column(rows, "weight")}::numeric[],
      ${column(rows, "length")}::numeric[], ${column(rows, "width")}::numeric[], ${column(rows, "height")}::numeric[],
      ${column(rows, "removal_strategy")}::text[])
      as listing (listing_id, sku, name, barcodes, weight, length, width, height, removal_strategy)
    order by listing_id
    on conflict (listing_id) do update set sku = excluded.sku, name = excluded.name, barcodes = excluded.barcodes,
      weight = excluded.weight, length = excluded.length, width = excluded.width, height = excluded.height,
      removal_strategy = excluded.removal_strategy, updated_at = now()
    returning listing_id, sku, name, barcodes, weight, length, width, height, removal_strategy, created_at, updated_at
  `.execute(trx);
  const byId = new Map(stored.rows.map((row) => [row.listing_id, row]));
  return rows.map((row) => byId.get(row.listing_id) as ListingRow);
}
