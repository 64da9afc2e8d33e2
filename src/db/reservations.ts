import { sql } from "kysely";
import type { ReservationStatus } from "../domain/vocabulary.ts";
import { column } from "./column.ts";
import type { Transaction } from "./transaction.ts";

export interface NewReservation {
  listing_id: bigint;
  warehouse_id: bigint;
  order_id: bigint;
  /** The order line; null makes the row part of a hold. */
  order_item_id: bigint | null;
  product_location_id: bigint;
  quantity: number;
}

/**
 * Holds units of locked lots; the ids come back in the order given. Rows without an order line make up one hold, known
 * by the id of its first row, and end at `expires_at`.
 */
export async function insertReservations(
  trx: Transaction,
  rows: readonly NewReservation[],
  expires_at: Date | null = null,
): Promise<bigint[]> {
  if (rows.length === 0) return [];
  const result = await sql<{ id: bigint }>`
    with incoming as materialized (
      select *, nextval('wms_reservations_id_seq') as id from (
        select * from unnest(${column(rows, "listing_id")}::bigint[], ${column(rows, "warehouse_id")}::bigint[],
          ${column(rows, "order_id")}::bigint[], ${column(rows, "order_item_id")}::bigint[],
          ${column(rows, "product_location_id")}::bigint[], ${column(rows, "quantity")}::int[]) with ordinality
          as reservation (listing_id, warehouse_id, order_id, order_item_id, product_location_id, quantity, ordinal)
        order by ordinal) ordered
    ), lots as (
      update product_locations lot
      set reserved_quantity = lot.reserved_quantity + held.quantity, updated_at = clock_timestamp()
      from (select product_location_id, sum(quantity)::int as quantity from incoming group by product_location_id) held
      where lot.id = held.product_location_id
    ), stored as (
      insert into wms_reservations (id, listing_id, warehouse_id, order_id, order_item_id, hold_id, product_location_id,
        quantity, expires_at, created_at) overriding system value
      select id, listing_id, warehouse_id, order_id, order_item_id,
             case when order_item_id is null then (select min(id) from incoming) end,
             product_location_id, quantity, ${expires_at}::timestamptz, clock_timestamp()
      from incoming
    )
    select id from incoming order by ordinal`.execute(trx);
  return result.rows.map((row) => row.id);
}

export interface Release {
  reservation_id: bigint;
  quantity: number;
}

export interface Released {
  listing_id: bigint;
  warehouse_id: bigint;
  order_id: bigint;
  product_location_id: bigint;
  quantity: number;
}

/**
 * Gives units of reservations back to their lots, and takes them off what their order lines have been promised.
 * The lots are locked by the caller. Says what became free.
 */
export async function releaseReservations(
  trx: Transaction,
  releases: readonly Release[],
): Promise<Released[]> {
  if (releases.length === 0) return [];
  const { rows } = await sql<Released>`
    with incoming as (
      select reservation_id, sum(quantity)::int as quantity
      from unnest(${column(releases, "reservation_id")}::bigint[], ${column(releases, "quantity")}::int[])
           as release (reservation_id, quantity)
      where quantity > 0 group by reservation_id
    ), freed as (
      update wms_reservations r
      set released_quantity = r.released_quantity + incoming.quantity, updated_at = now(),
          status = case when r.open_quantity > incoming.quantity then 'pending'
                        when r.picked_quantity > 0 then 'fulfilled' else 'cancelled' end
      from incoming where r.id = incoming.reservation_id
      returning r.listing_id, r.warehouse_id, r.order_id, r.order_item_id, r.product_location_id, incoming.quantity
    ), lots as (
      update product_locations lot
      set reserved_quantity = lot.reserved_quantity - sums.quantity, updated_at = clock_timestamp()
      from (select product_location_id, sum(quantity)::int as quantity from freed group by product_location_id) sums
      where lot.id = sums.product_location_id
    ), lines as (
      update order_items line set allocated_quantity = line.allocated_quantity - sums.quantity
      from (select order_item_id, sum(quantity)::int as quantity from freed
            where order_item_id is not null group by order_item_id) sums
      where line.id = sums.order_item_id
    )
    select listing_id, warehouse_id, order_id, product_location_id, quantity from freed`.execute(trx);
  return rows;
}

export interface OpenReservation {
  id: bigint;
  hold_id: bigint | null;
  listing_id: bigint;
  warehouse_id: bigint;
  order_id: bigint;
  order_item_id: bigint | null;
  product_location_id: bigint;
  open_quantity: number;
}

/** What is held for these orders and stands on no picking task: holds, and the stock of orders that still wait. */
export async function listUnattachedReservations(
  trx: Transaction,
  order_ids: readonly bigint[],
): Promise<OpenReservation[]> {
  const { rows } = await sql<OpenReservation>`
    select id, hold_id, listing_id, warehouse_id, order_id, order_item_id, product_location_id, open_quantity
    from wms_reservations r
    where order_id = any(${order_ids}::bigint[]) and status = 'pending'
      and not exists (select from picking_task_items item where item.reservation_id = r.id)
    order by id`.execute(trx);
  return rows;
}

/**
 * Those of them that are open still, now that their listings are locked: a hold's time may have been up, or its maker
 * may have released it, without regard to its order.
 */
export async function dropEndedReservations(
  trx: Transaction,
  known: readonly OpenReservation[],
): Promise<OpenReservation[]> {
  if (known.length === 0) return [];
  const { rows } = await sql<{ id: bigint }>`
    select id from wms_reservations where id = any(${column(known, "id")}::bigint[]) and status = 'pending'`.execute(
    trx,
  );
  const open = new Set(rows.map((row) => row.id));
  return known.filter((reservation) => open.has(reservation.id));
}

export async function findReservation(
  trx: Transaction,
  id: bigint,
): Promise<{ hold_id: bigint | null; listing_id: bigint; order_id: bigint } | undefined> {
  return trx
    .selectFrom("wms_reservations")
    .select(["hold_id", "listing_id", "order_id"])
    .where((eb) => eb.or([eb("id", "=", id), eb("hold_id", "=", id)]))
    .limit(1)
    .executeTakeFirst();
}

/** The rows of holds, as they are now; their listings are locked by the caller. */
export async function listHoldRows(
  trx: Transaction,
  hold_ids: readonly bigint[],
): Promise<{ id: bigint; status: ReservationStatus; open_quantity: number; product_location_id: bigint }[]> {
  return trx
    .selectFrom("wms_reservations")
    .select(["id", "status", "open_quantity", "product_location_id"])
    .where(sql<boolean>`hold_id = any(${hold_ids}::bigint[])`)
    .orderBy("id")
    .forUpdate()
    .execute();
}

export async function listExpiredHolds(
  trx: Transaction,
  limit: number,
): Promise<{ hold_id: bigint; listing_id: bigint }[]> {
  const { rows } = await sql<{ hold_id: bigint; listing_id: bigint }>`
    select distinct r.hold_id, r.listing_id from wms_reservations r left join orders o on o.order_id = r.order_id
    where r.status = 'pending' and r.expires_at is not null
      and (r.expires_at <= now() or o.status in ('cancelled', 'shipped', 'delivered')) limit ${limit}`.execute(
    trx,
  );
  return rows;
}
