import { type RawBuilder, sql } from "kysely";
import type { FulfillmentStatus, OrderPolicy, OrderStatus, Priority } from "../domain/vocabulary.ts";
import type { Database } from "./database.ts";
import type { OrderLine } from "./orders.ts";
import { type ShipmentView, shipmentViews } from "./shipment-views.ts";
import type { Transaction } from "./transaction.ts";

/** An order as callers see it. */
export interface OrderView {
  order_id: bigint;
  storefront_id: bigint;
  order_number: string;
  status: OrderStatus;
  priority: Priority;
  policy: OrderPolicy;
  ship_to: Record<string, string>;
  confirmed_at: Date | null;
  cancelled_at: Date | null;
  cancellation_reason: string | null;
  created_at: Date;
  updated_at: Date;
  items: OrderLine[];
  fulfillments: FulfillmentView[];
}

export interface FulfillmentView {
  id: bigint;
  order_id: bigint;
  warehouse_id: bigint | null;
  status: FulfillmentStatus;
  created_at: Date;
  updated_at: Date;
  picking_task_ids: bigint[];
  packing_task_ids: bigint[];
  shipment_ids: bigint[];
}

type Reader = Database | Transaction;

/** Orders in the order of these ids, with lines and fulfillments, in three queries however many there are. */
export async function findOrderViews(db: Reader, order_ids: readonly bigint[]): Promise<OrderView[]> {
  if (order_ids.length === 0) return [];
  const orders = await db
    .selectFrom("orders")
    .select([
      "order_id",
      "storefront_id",
      "order_number",
      "status",
      "priority",
      "policy",
      "ship_to",
      "confirmed_at",
    ])
    .select(["cancelled_at", "cancellation_reason", "created_at", "updated_at"])
    .where(sql<boolean>`order_id = any(${order_ids}::bigint[])`)
    .execute();
  const items = await db
    .selectFrom("order_items")
    .selectAll()
    .where(sql<boolean>`order_id = any(${order_ids}::bigint[])`)
    .orderBy("order_id")
    .orderBy("line_number")
    .execute();
  const fulfillments = await selectFulfillments(
    db,
    sql`where f.order_id = any(${order_ids}::bigint[]) order by f.id`,
  );
  const orderOf = new Map(orders.map((order) => [order.order_id, order]));
  const itemsOf = Map.groupBy(items, (item) => item.order_id);
  const fulfillmentsOf = Map.groupBy(fulfillments, (row) => row.order_id);
  return order_ids.flatMap((order_id) => {
    const order = orderOf.get(order_id);
    if (!order) return [];
    return {
      ...order,
      ship_to: order.ship_to as Record<string, string>,
      items: itemsOf.get(order_id) ?? [],
      fulfillments: fulfillmentsOf.get(order_id) ?? [],
    };
  });
}

/** `which`: the clauses that say which rows of `f`, in which order, and how many. */
async function selectFulfillments(db: Reader, which: RawBuilder<unknown>): Promise<FulfillmentView[]> {
  const { rows } = await sql<FulfillmentView>`
    select f.id, f.order_id, f.warehouse_id, f.status, f.created_at, f.updated_at,
      array(select id from picking_tasks t where t.fulfillment_id = f.id order by id) as picking_task_ids,
      array(select id from packing_tasks t where t.fulfillment_id = f.id order by id) as packing_task_ids,
      array(select id from shipments s where s.fulfillment_id = f.id order by id) as shipment_ids
    from fulfillments f ${which}`.execute(db);
  return rows.map((row) => ({
    ...row,
    picking_task_ids: row.picking_task_ids.map(BigInt),
    packing_task_ids: row.packing_task_ids.map(BigInt),
    shipment_ids: row.shipment_ids.map(BigInt),
  }));
}

export async function findFulfillmentViews(db: Reader, ids: readonly bigint[]): Promise<FulfillmentView[]> {
  return selectFulfillments(db, sql`where f.id = any(${ids}::bigint[]) order by f.id`);
}

export interface FulfillmentFilter {
  order_id?: bigint | undefined;
  warehouse_id?: bigint | undefined;
  statuses: readonly FulfillmentStatus[];
}

/** Newest first; the page begins below the id that the caller has seen last. */
export async function listFulfillmentViews(
  db: Database,
  filter: FulfillmentFilter,
  page: { size: number; after: bigint },
): Promise<FulfillmentView[]> {
  const conditions = [
    page.after > 0n && sql`f.id < ${page.after}`,
    filter.order_id !== undefined && sql`f.order_id = ${filter.order_id}`,
    filter.warehouse_id !== undefined && sql`f.warehouse_id = ${filter.warehouse_id}`,
    // Not as an array: of one status, an index is then in the order that is wanted.
    filter.statuses.length > 0 && sql`f.status in (${sql.join(filter.statuses)})`,
  ].filter((condition) => condition !== false);
  const where = sql.join([sql`true`, ...conditions], sql` and `);
  return selectFulfillments(db, sql`where ${where} order by f.id desc limit ${page.size}`);
}

export interface OrderFilter {
  storefront_id?: bigint | undefined;
  warehouse_id?: bigint | undefined;
  order_number?: string | undefined;
  statuses: readonly OrderStatus[];
}

/**
 * Orders that a caller may see, newest first; the page begins below the arrival that the caller has seen last. Their ids
 * don't tell which is newer: they are given by whoever sells, a marketplace's out of another range than the others'.
 */
export async function listOrderKeys(
  db: Database,
  filter: OrderFilter,
  page: { size: number; after: bigint },
): Promise<{ order_id: bigint; arrival: bigint }[]> {
  let query = db
    .selectFrom("orders")
    .select(["order_id", "arrival"])
    .where((eb) => eb.or([eb("confirmed_at", "is not", null), eb("status", "=", "cancelled")]))
    .orderBy("arrival", "desc")
    .limit(page.size);
  if (page.after > 0n) query = query.where("arrival", "<", page.after);
  if (filter.storefront_id !== undefined) query = query.where("storefront_id", "=", filter.storefront_id);
  if (filter.order_number !== undefined) query = query.where("order_number", "=", filter.order_number);
  if (filter.statuses.length > 0) query = query.where("status", "in", filter.statuses);
  const { warehouse_id } = filter;
  if (warehouse_id !== undefined)
    query = query.where((eb) =>
      eb.exists(
        eb
          .selectFrom("fulfillments")
          .select("fulfillments.id")
          .whereRef("fulfillments.order_id", "=", "orders.order_id")
          .where("fulfillments.warehouse_id", "=", warehouse_id),
      ),
    );
  return query.execute();
}

/** One order, or undefined: also when so far only a partial cancellation of it has come. */
export async function findOrderView(db: Reader, order_id: bigint): Promise<OrderView | undefined> {
  const [order] = await findOrderViews(db, [order_id]);
  return order && (order.confirmed_at !== null || order.status === "cancelled") ? order : undefined;
}

export interface OrderWithShipments extends OrderView {
  shipments: ShipmentView[];
}

/** With everything that a caller is told of it: the answer of a write, kept whole. */
export async function findOrderWithShipments(
  trx: Transaction,
  order_id: bigint,
): Promise<OrderWithShipments | undefined> {
  const order = await findOrderView(trx, order_id);
  const ids = order?.fulfillments.flatMap((fulfillment) => fulfillment.shipment_ids) ?? [];
  return order && { ...order, shipments: await shipmentViews(trx, ids) };
}
