import { sql } from "kysely";
import type {
  FulfillmentStatus,
  OrderPolicy,
  OrderStatus,
  Priority,
  ShipmentStatus,
} from "../domain/vocabulary.ts";
import { column } from "./column.ts";
import { MAX_ATTEMPTS } from "./jobs.ts";
import type { Transaction } from "./transaction.ts";

export interface FulfillmentRow {
  id: bigint;
  order_id: bigint;
  warehouse_id: bigint | null;
  status: FulfillmentStatus;
}

export async function listFulfillmentRows(
  trx: Transaction,
  ids: readonly bigint[],
): Promise<FulfillmentRow[]> {
  const { rows } = await sql<FulfillmentRow>`
    select id, order_id, warehouse_id, status from fulfillments where id = any(${ids}::bigint[])
    order by id for update`.execute(trx);
  return rows;
}

export interface NewFulfillment {
  order_id: bigint;
  warehouse_id: bigint | null;
  status: FulfillmentStatus;
}

/** Returns the ids in the order given. */
export async function insertFulfillments(
  trx: Transaction,
  rows: readonly NewFulfillment[],
): Promise<bigint[]> {
  if (rows.length === 0) return [];
  const result = await sql<{ id: bigint }>`
    insert into fulfillments (order_id, warehouse_id, status)
    select order_id, warehouse_id, status from unnest(${column(rows, "order_id")}::bigint[],
      ${column(rows, "warehouse_id")}::bigint[], ${column(rows, "status")}::text[]) with ordinality
      as fulfillment (order_id, warehouse_id, status, ordinal)
    order by ordinal returning id`.execute(trx);
  return result.rows.map((row) => row.id).sort((a, b) => (a < b ? -1 : 1));
}

/** Sets statuses, and a warehouse where one is given. */
export async function updateFulfillments(
  trx: Transaction,
  rows: readonly { id: bigint; status: FulfillmentStatus; warehouse_id?: bigint | null }[],
): Promise<void> {
  if (rows.length === 0) return;
  await sql`
    update fulfillments f
    set status = changed.status, warehouse_id = coalesce(changed.warehouse_id, f.warehouse_id), updated_at = now()
    from unnest(${column(rows, "id")}::bigint[], ${column(rows, "status")}::text[],
                ${column(rows, "warehouse_id")}::bigint[]) as changed (id, status, warehouse_id)
    where f.id = changed.id`.execute(trx);
}

/** What decides whether an order may start: its policy, what it still waits for, and where that waiting is shown. */
export interface OrderReadiness {
  order_id: bigint;
  status: OrderStatus;
  policy: OrderPolicy;
  priority: Priority;
  shortage: number;
  backordered_id: bigint | null;
}

export async function listReadiness(
  trx: Transaction,
  order_ids: readonly bigint[],
): Promise<OrderReadiness[]> {
  const { rows } = await sql<OrderReadiness>`
    select o.order_id, o.status, o.policy, o.priority,
      (select least(coalesce(sum(shortage_quantity), 0), 2147483647)::int from order_items i where i.order_id = o.order_id) as shortage,
      (select id from fulfillments f where f.order_id = o.order_id and f.status = 'backordered') as backordered_id
    from orders o where o.order_id = any(${order_ids}::bigint[]) order by o.order_id`.execute(trx);
  return rows;
}

export interface ReservedStop {
  reservation_id: bigint;
  order_id: bigint;
  order_item_id: bigint;
  listing_id: bigint;
  warehouse_id: bigint;
  product_location_id: bigint;
  quantity: number;
  location_id: bigint;
  pick_sequence: number;
  aisle: number;
  bay: number;
  level: number;
}

/** Reserved units of order lines that no picker has been sent for yet, with the places where they lie. */
export async function listUnlaunchedStops(
  trx: Transaction,
  order_ids: readonly bigint[],
): Promise<ReservedStop[]> {
  const { rows } = await sql<ReservedStop>`
    select r.id as reservation_id, r.order_id, r.order_item_id, r.listing_id, r.warehouse_id, r.product_location_id,
           r.open_quantity as quantity, l.id as location_id, l.pick_sequence, l.aisle, l.bay, l.level
    from wms_reservations r
    join product_locations lot on lot.id = r.product_location_id
    join locations l on l.id = lot.location_id
    where r.order_id = any(${order_ids}::bigint[]) and r.status = 'pending' and r.order_item_id is not null
      and not exists (select from picking_task_items item where item.reservation_id = r.id)
    order by r.id`.execute(trx);
  return rows;
}

export interface OrderPartsRow {
  order_id: bigint;
  storefront_id: bigint;
  /** The last one's of its shipments. */
  delivered_at: Date | null;
  status: OrderStatus;
  fulfillments: FulfillmentStatus[];
  shipments: ShipmentStatus[];
}

/** The parts that an order's projected status follows. Orders that were not confirmed yet are left out. */
export async function listOrderParts(
  trx: Transaction,
  order_ids: readonly bigint[],
): Promise<OrderPartsRow[]> {
  const { rows } = await sql<OrderPartsRow>`
    select o.order_id, o.storefront_id, o.status,
      (select max(s.delivered_at) from shipments s
       where s.order_id = o.order_id and s.status <> 'cancelled') as delivered_at,
      array(select f.status from fulfillments f where f.order_id = o.order_id order by f.id) as fulfillments,
      array(select s.status from shipments s
            where s.order_id = o.order_id and s.status <> 'cancelled' order by s.id) as shipments
    from orders o where o.order_id = any(${order_ids}::bigint[]) and o.confirmed_at is not null
    order by o.order_id`.execute(trx);
  return rows;
}

/** Sets orders' statuses, and asks for them to be reported where a channel wants to know. */
export async function updateOrderStatuses(
  trx: Transaction,
  rows: readonly { order_id: bigint; status: OrderStatus; reason?: string | null }[],
): Promise<void> {
  if (rows.length === 0) return;
  await sql`
    with changed as (
      select * from unnest(${column(rows, "order_id")}::bigint[], ${column(rows, "status")}::text[],
                           ${column(rows, "reason")}::text[]) as changed (order_id, status, reason)
    ), reports as (
      -- One queue holds all reports of an order, so that an older one still under way cannot overtake a newer one.
      select array_agg(('report_order_status', json_build_object('order_id', order_id::text),
        'report_order_status_' || order_id % 8, null, ${MAX_ATTEMPTS}::int, 'report_order_status:' || order_id, null,
        null)::graphile_worker.job_spec) as specs
      from changed having exists (select from channels where code = 'listings')
    ), updated as (
      update orders o set status = changed.status, updated_at = now(),
        cancelled_at = case when changed.status = 'cancelled' then now() else o.cancelled_at end,
        cancellation_reason = coalesce(changed.reason, o.cancellation_reason)
      from changed where o.order_id = changed.order_id
    )
    select count(*) from reports, graphile_worker.add_jobs(specs)`.execute(trx);
}
