import { sql } from "kysely";
import type { OrderPolicy, Priority } from "../domain/vocabulary.ts";
import { column } from "./column.ts";
import type { Transaction } from "./transaction.ts";

/** An order as it arrives. `confirmed: false` makes a placeholder: so far only its cancellation has come. */
export interface ArrivingOrder {
  order_id: bigint;
  storefront_id: bigint;
  order_number: string;
  priority: Priority;
  policy: OrderPolicy;
  ship_to: Record<string, string>;
  confirmed: boolean;
}

/**
 * Writes the orders that are not known yet and says which those were. Arrival numbers follow the list's order, rows are
 * inserted by id, so that two batches with the same orders wait for each other instead of deadlocking.
 */
export async function insertArrivals(
  trx: Transaction,
  orders: readonly ArrivingOrder[],
): Promise<Set<bigint>> {
  if (orders.length === 0) return new Set();
  const { rows } = await sql<{ order_id: bigint }>`
    with incoming as materialized (
      select *, nextval('orders_arrival_seq') as arrival from (
        select * from unnest(${column(orders, "order_id")}::bigint[], ${column(orders, "storefront_id")}::bigint[],
          ${column(orders, "order_number")}::text[], ${column(orders, "priority")}::text[],
          ${column(orders, "policy")}::text[], ${orders.map((order) => JSON.stringify(order.ship_to))}::jsonb[],
          ${column(orders, "confirmed")}::boolean[]) with ordinality
          as o (order_id, storefront_id, order_number, priority, policy, ship_to, confirmed, ordinal)
        order by ordinal) ordered
    )
    insert into orders (order_id, arrival, storefront_id, order_number, status, priority, policy, ship_to, confirmed_at)
    select order_id, arrival, storefront_id, order_number, 'confirmed', priority, policy, ship_to,
           case when confirmed then now() end
    from incoming order by order_id
    on conflict (order_id) do nothing returning order_id`.execute(trx);
  return new Set(rows.map((row) => row.order_id));
}

/** Fills placeholders in: the confirmation has come after the cancellation. A cancelled order stays so. */
export async function confirmPlaceholders(
  trx: Transaction,
  orders: readonly Omit<ArrivingOrder, "confirmed">[],
): Promise<void> {
  if (orders.length === 0) return;
  await sql`
    update orders o set storefront_id = c.storefront_id, order_number = c.order_number, priority = c.priority,
      policy = c.policy, ship_to = c.ship_to, confirmed_at = now(), updated_at = now()
    from unnest(${column(orders, "order_id")}::bigint[], ${column(orders, "storefront_id")}::bigint[],
      ${column(orders, "order_number")}::text[], ${column(orders, "priority")}::text[], ${column(orders, "policy")}::text[],
      ${orders.map((order) => JSON.stringify(order.ship_to))}::jsonb[])
      as c (order_id, storefront_id, order_number, priority, policy, ship_to)
    where o.order_id = c.order_id and o.confirmed_at is null`.execute(trx);
}

export interface NewOrderLine {
  order_id: bigint;
  line_number: number;
  listing_id: bigint;
  warehouse_id: bigint | null;
  quantity: number;
  cancelled_quantity: number;
  allocated_quantity: number;
}

/** Returns the ids in the order given. */
export async function insertOrderLines(trx: Transaction, lines: readonly NewOrderLine[]): Promise<bigint[]> {
  if (lines.length === 0) return [];
  const { rows } = await sql<{ id: bigint }>`
    insert into order_items (order_id, line_number, listing_id, warehouse_id, quantity, cancelled_quantity, allocated_quantity)
    select order_id, line_number, listing_id, warehouse_id, quantity, cancelled_quantity, allocated_quantity
    from unnest(${column(lines, "order_id")}::bigint[], ${column(lines, "line_number")}::int[],
      ${column(lines, "listing_id")}::bigint[], ${column(lines, "warehouse_id")}::bigint[],
      ${column(lines, "quantity")}::int[], ${column(lines, "cancelled_quantity")}::int[],
      ${column(lines, "allocated_quantity")}::int[]) with ordinality
      as line (order_id, line_number, listing_id, warehouse_id, quantity, cancelled_quantity, allocated_quantity, ordinal)
    order by ordinal returning id`.execute(trx);
  return rows.map((row) => row.id).sort((a, b) => (a < b ? -1 : 1));
}

/** Promises more units to lines that waited for them. */
export async function addAllocated(
  trx: Transaction,
  lines: readonly { id: bigint; quantity: number }[],
): Promise<void> {
  if (lines.length === 0) return;
  await sql`
    update order_items line set allocated_quantity = line.allocated_quantity + sums.quantity
    from (select id, sum(quantity)::int as quantity
          from unnest(${column(lines, "id")}::bigint[], ${column(lines, "quantity")}::int[]) as more (id, quantity)
          group by id) sums
    where line.id = sums.id`.execute(trx);
}

export interface CancellationWish {
  id: bigint;
  order_id: bigint;
  listing_id: bigint;
  quantity: number;
  applied_quantity: number;
}

/** Keeps what was asked to be cancelled; applied later, or at once. Returns the rows in the order given. */
export async function insertWishes(
  trx: Transaction,
  wishes: readonly { order_id: bigint; listing_id: bigint; quantity: number; reason: string }[],
): Promise<CancellationWish[]> {
  if (wishes.length === 0) return [];
  const { rows } = await sql<CancellationWish>`
    insert into order_cancellations (order_id, listing_id, quantity, reason)
    select order_id, listing_id, quantity, reason from unnest(${column(wishes, "order_id")}::bigint[],
      ${column(wishes, "listing_id")}::bigint[], ${column(wishes, "quantity")}::int[], ${column(wishes, "reason")}::text[])
      with ordinality as wish (order_id, listing_id, quantity, reason, ordinal)
    order by ordinal returning id, order_id, listing_id, quantity, applied_quantity`.execute(trx);
  return rows;
}

/** Wishes that came before their orders and have not been granted yet. */
export async function listOpenWishes(
  trx: Transaction,
  order_ids: readonly bigint[],
): Promise<CancellationWish[]> {
  const { rows } = await sql<CancellationWish>`
    select id, order_id, listing_id, quantity, applied_quantity from order_cancellations
    where order_id = any(${order_ids}::bigint[]) and applied_quantity < quantity order by id`.execute(trx);
  return rows;
}

export async function markWishesApplied(
  trx: Transaction,
  wishes: readonly { id: bigint; quantity: number }[],
): Promise<void> {
  if (wishes.length === 0) return;
  await sql`
    update order_cancellations c set applied_quantity = c.applied_quantity + w.quantity
    from unnest(${column(wishes, "id")}::bigint[], ${column(wishes, "quantity")}::int[]) as w (id, quantity)
    where c.id = w.id`.execute(trx);
}
