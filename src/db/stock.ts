import { sql } from "kysely";
import type { Lot } from "../domain/allocation.ts";
import type { MovementPlace, RemovalStrategy } from "../domain/vocabulary.ts";
import { column } from "./column.ts";
import { MAX_ATTEMPTS } from "./jobs.ts";
import type { Transaction } from "./transaction.ts";

/**
 * Locks the listings, in order, and tells how their stock leaves. Whoever promises stock or makes it available holds
 * this lock, so that a shortage is never recorded beside stock that another transaction is just placing.
 * Ids without a listing are left out.
 */
export async function lockListings(
  trx: Transaction,
  listing_ids: readonly bigint[],
): Promise<Map<bigint, RemovalStrategy>> {
  const { rows } = await sql<{ listing_id: bigint; removal_strategy: RemovalStrategy }>`
    select listing_id, removal_strategy from listings where listing_id = any(${unique(listing_ids)}::bigint[])
    order by listing_id for no key update`.execute(trx);
  return new Map(rows.map((row) => [row.listing_id, row.removal_strategy]));
}

/** Locks what can still be promised of these listings: for sale, available, not past its date. Listings first! */
export async function lockLots(trx: Transaction, listing_ids: readonly bigint[]): Promise<Lot[]> {
  const { rows } = await sql<Lot>`
    select id, listing_id, warehouse_id, location_id, available_quantity as available, received_at, expires_on
    from product_locations
    where listing_id = any(${unique(listing_ids)}::bigint[]) and allocatable and available_quantity > 0
      and (expires_on is null or expires_on >= current_date)
    order by listing_id, received_at, id for update`.execute(trx);
  return rows;
}

/** Locks lots by id, in the one order in which lots are locked. */
export async function lockLotsById(trx: Transaction, ids: readonly bigint[]): Promise<LotRow[]> {
  const { rows } = await sql<LotRow>`
    select id, listing_id, warehouse_id, location_id, quantity, reserved_quantity, available_quantity, received_at,
           lot_code, expires_on, for_sale
    from product_locations where id = any(${unique(ids)}::bigint[])
    order by listing_id, received_at, id for update`.execute(trx);
  return rows;
}

/** Locks everything these listings have on sale and the lots named besides, in the one order in which lots are locked. */
export async function lockShelves(
  trx: Transaction,
  listing_ids: readonly bigint[],
  lot_ids: readonly bigint[],
): Promise<void> {
  await sql`select from product_locations
    where (listing_id = any(${unique(listing_ids)}::bigint[]) and allocatable) or id = any(${unique(lot_ids)}::bigint[])
    order by listing_id, received_at, id for update`.execute(trx);
}

export interface LotRow {
  id: bigint;
  listing_id: bigint;
  warehouse_id: bigint;
  location_id: bigint;
  quantity: number;
  reserved_quantity: number;
  available_quantity: number;
  received_at: Date;
  lot_code: string | null;
  expires_on: string | null;
  for_sale: boolean;
}

/** The order in which warehouses are tried: by priority, then by age. */
export async function warehouseRanks(trx: Transaction): Promise<Map<bigint, number>> {
  const rows = await trx.selectFrom("warehouses").select("id").orderBy("priority").orderBy("id").execute();
  return new Map(rows.map((row, rank) => [row.id, rank]));
}

export interface NewLot {
  listing_id: bigint;
  warehouse_id: bigint;
  location_id: bigint;
  quantity: number;
  received_at: Date | null; // null: now
  lot_code: string | null;
  expires_on: string | null;
  for_sale: boolean;
}

/** Adds units to lots, making those that do not exist; returns their ids in the order given. */
export async function addToLots(trx: Transaction, lots: readonly NewLot[]): Promise<bigint[]> {
  if (lots.length === 0) return [];
  const { rows } = await sql<{ id: bigint; ordinal: bigint }>`
    with incoming as (
      select listing_id, warehouse_id, location_id, quantity, coalesce(received_at, now()) as received_at, lot_code,
             expires_on, for_sale, ordinal
      from unnest(${column(lots, "listing_id")}::bigint[], ${column(lots, "warehouse_id")}::bigint[],
                  ${column(lots, "location_id")}::bigint[], ${column(lots, "quantity")}::int[],
                  ${column(lots, "received_at")}::timestamptz[], ${column(lots, "lot_code")}::text[],
                  ${column(lots, "expires_on")}::date[], ${column(lots, "for_sale")}::boolean[]) with ordinality
           as lot (listing_id, warehouse_id, location_id, quantity, received_at, lot_code, expires_on, for_sale, ordinal)
    ), stored as (
      insert into product_locations as lot (listing_id, warehouse_id, location_id, quantity, received_at, lot_code,
        expires_on, for_sale, created_at, updated_at)
      select listing_id, warehouse_id, location_id, sum(quantity)::int, received_at, lot_code, expires_on,
             bool_and(for_sale), clock_timestamp(), clock_timestamp()
      from incoming group by listing_id, warehouse_id, location_id, received_at, lot_code, expires_on
      order by listing_id, received_at
      on conflict (location_id, listing_id, received_at, lot_code, expires_on)
        do update set quantity = lot.quantity + excluded.quantity, updated_at = clock_timestamp()
      returning id, listing_id, location_id, received_at, lot_code, expires_on
    )
    select stored.id, ordinal from incoming join stored using (listing_id, location_id, received_at)
    where stored.lot_code is not distinct from incoming.lot_code
      and stored.expires_on is not distinct from incoming.expires_on
    order by ordinal`.execute(trx);
  return rows.map((row) => row.id);
}

/** Takes units that nobody has reserved off one lot (negative: adds); the caller has locked it and checked. */
export async function changeLot(trx: Transaction, id: bigint, delta: number): Promise<void> {
  await sql`update product_locations set quantity = quantity + ${delta}, updated_at = clock_timestamp()
    where id = ${id}`.execute(trx);
}

export interface Movement {
  listing_id: bigint;
  warehouse_id: bigint;
  quantity: number;
  from_place: MovementPlace;
  from_product_location_id?: bigint | null;
  to_place: MovementPlace;
  to_product_location_id?: bigint | null;
  reason: string;
  order_id?: bigint | null;
  reference?: string | null;
}

/** Appends to the ledger. The balances of the lots are changed by the same transaction. */
export async function insertMovements(trx: Transaction, movements: readonly Movement[]): Promise<void> {
  if (movements.length === 0) return;
  await sql`
    insert into inventory_movements (listing_id, warehouse_id, quantity, from_place, from_product_location_id, to_place,
      to_product_location_id, reason, order_id, reference)
    select * from unnest(${column(movements, "listing_id")}::bigint[], ${column(movements, "warehouse_id")}::bigint[],
      ${column(movements, "quantity")}::int[], ${column(movements, "from_place")}::text[],
      ${column(movements, "from_product_location_id")}::bigint[], ${column(movements, "to_place")}::text[],
      ${column(movements, "to_product_location_id")}::bigint[], ${column(movements, "reason")}::text[],
      ${column(movements, "order_id")}::bigint[], ${column(movements, "reference")}::text[])`.execute(trx);
}

/**
 * Asks for the waiting orders of these listings to be served, if any wait. The last thing of a transaction that made
 * stock available, and only under the listings' lock: a waiting order is then either visible here or sees the stock itself.
 */
export async function wakeBackorders(trx: Transaction, listing_ids: readonly bigint[]): Promise<void> {
  await sql`
    select graphile_worker.add_job('allocate_backorders',
      json_build_object('listing_ids', json_agg(listing_id::text)), job_key => null, max_attempts => ${MAX_ATTEMPTS}::int)
    from unnest(${unique(listing_ids)}::bigint[]) as freed (listing_id)
    where exists (select from order_items where order_items.listing_id = freed.listing_id and shortage_quantity > 0)
    having count(*) > 0`.execute(trx);
}

function unique(ids: readonly bigint[]): bigint[] {
  return [...new Set(ids)];
}
