import { sql } from "kysely";
import { HASHED_LOCKS } from "./advisory-locks.ts";
import type { Transaction } from "./transaction.ts";

/**
 * Waits until nobody else serves those who wait for these listings: he is at work on the same orders, and to wait for them
 * one by one would leave us with what he has left of them. The first lock of its transaction.
 */
export async function takeTurnServing(trx: Transaction, listing_ids: readonly bigint[]): Promise<void> {
  await sql`
    select pg_advisory_xact_lock(hashtextextended(id::text, ${HASHED_LOCKS.servedListings}))
    from (select distinct id from unnest(${listing_ids}::bigint[]) as wanted (id) order by id) as wanted`.execute(
    trx,
  );
}

/** The orders that wait for some of these listings and for which there is some, in order of arrival. */
export async function listServableOrders(
  trx: Transaction,
  listing_ids: readonly bigint[],
  limit: number,
): Promise<bigint[]> {
  const { rows } = await sql<{ order_id: bigint }>`
    with stocked as materialized (
      select distinct listing_id, warehouse_id from product_locations
      where listing_id = any(${listing_ids}::bigint[]) and allocatable and available_quantity > 0
        and (expires_on is null or expires_on >= current_date)
    )
    select order_id from orders where status <> 'cancelled' and order_id in (
      select line.order_id from order_items line join stocked on stocked.listing_id = line.listing_id
        and stocked.warehouse_id = coalesce(line.warehouse_id, stocked.warehouse_id)
      where line.listing_id = any(${listing_ids}::bigint[]) and line.shortage_quantity > 0)
    order by arrival limit ${limit}`.execute(trx);
  return rows.map((row) => row.order_id);
}
