import { sql } from "kysely";
import { DomainError } from "../domain/errors.ts";
import type { WaitingUnits } from "../domain/order-plan.ts";
import type { OrderPolicy, OrderStatus, Priority } from "../domain/vocabulary.ts";
import type { Database } from "./database.ts";
import type { Transaction } from "./transaction.ts";

export interface OrderRow {
  order_id: bigint;
  arrival: bigint;
  status: OrderStatus;
  policy: OrderPolicy;
  priority: Priority;
  confirmed_at: Date | null;
}

/** Locks orders, in order. The first lock of whatever changes an order, its fulfillments or its shipments. */
export async function lockOrders(trx: Transaction, order_ids: readonly bigint[]): Promise<OrderRow[]> {
  const { rows } = await sql<OrderRow>`
    select order_id, arrival, status, policy, priority, confirmed_at from orders
    where order_id = any(${[...new Set(order_ids)]}::bigint[]) order by order_id for update`.execute(trx);
  return rows;
}

export async function lockOrder(trx: Transaction, order_id: bigint): Promise<OrderRow> {
  const [order] = await lockOrders(trx, [order_id]);
  if (!order) throw orderNotFound(order_id);
  return order;
}

export function orderNotFound(order_id: bigint): DomainError {
  return new DomainError("ORDER_NOT_FOUND", `no order ${order_id}`, { order_id });
}

export interface OrderLine {
  id: bigint;
  order_id: bigint;
  line_number: number;
  listing_id: bigint;
  warehouse_id: bigint | null;
  quantity: number;
  cancelled_quantity: number;
  allocated_quantity: number;
  picked_quantity: number;
  shipped_quantity: number;
  shortage_quantity: number;
}

export async function listOrderLines(trx: Transaction, order_ids: readonly bigint[]): Promise<OrderLine[]> {
  return trx
    .selectFrom("order_items")
    .selectAll()
    .where(sql<boolean>`order_id = any(${order_ids}::bigint[])`)
    .orderBy("order_id")
    .orderBy("line_number")
    .execute();
}

/** What older orders wait for, per listing and (for pinned lines) warehouse. Newcomers stand behind them. */
export async function waitingUnits(
  trx: Transaction,
  listing_ids: readonly bigint[],
): Promise<WaitingUnits[]> {
  const { rows } = await sql<WaitingUnits>`
    select listing_id, warehouse_id, least(sum(shortage_quantity), 2147483647)::int as quantity from order_items
    where listing_id = any(${listing_ids}::bigint[]) and shortage_quantity > 0
    group by listing_id, warehouse_id`.execute(trx);
  return rows;
}

/**
 * Listings that somebody waits for although there is stock that could be his. Whoever makes stock available wakes those
 * who wait, but not one whose listing the catalogue did not know yet, so that there was nothing to lock, nor one who
 * stood behind an order that was just being cancelled.
 */
export async function listOverlooked(db: Database, limit = 500): Promise<bigint[]> {
  const { rows } = await sql<{ listing_id: bigint }>`
    select distinct listing_id from order_items line
    where shortage_quantity > 0 and exists (select from product_locations lot
      where lot.listing_id = line.listing_id and allocatable and available_quantity > 0
        and (expires_on is null or expires_on >= current_date)
        and (line.warehouse_id is null or lot.warehouse_id = line.warehouse_id))
    limit ${limit}`.execute(db);
  return rows.map((row) => row.listing_id);
}
