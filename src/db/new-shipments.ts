import { sql } from "kysely";
import type { LabelStatus } from "../domain/vocabulary.ts";
import { column } from "./column.ts";
import type { Transaction } from "./transaction.ts";

export interface NewShipment {
  order_id: bigint;
  fulfillment_id: bigint | null;
  warehouse_id: bigint | null;
  carrier_code: string;
  service: string;
  label_status: LabelStatus;
  /** null: the order's. One that names nobody is another place of the order's customer. */
  ship_to: Record<string, string> | null;
}

export async function insertShipment(trx: Transaction, shipment: NewShipment): Promise<bigint> {
  const { rows } = await sql<{ id: bigint }>`
    insert into shipments (order_id, fulfillment_id, warehouse_id, carrier_code, service, label_status, ship_to)
    select o.order_id, ${shipment.fulfillment_id}, ${shipment.warehouse_id}, ${shipment.carrier_code}, ${shipment.service},
           ${shipment.label_status}, case
      when given.ship_to is null then o.ship_to
      when given.ship_to ?| array['contact_name', 'company'] then given.ship_to
      else coalesce((select jsonb_object_agg(key, value) from jsonb_each(o.ship_to)
        where key in ('contact_name', 'company', 'phone', 'email')), '{}') || given.ship_to
      end
    from orders o, (select ${shipment.ship_to && JSON.stringify(shipment.ship_to)}::jsonb as ship_to) as given
    where o.order_id = ${shipment.order_id}
    returning id`.execute(trx);
  return (rows[0] as { id: bigint }).id;
}

export interface NewShipmentItem {
  order_item_id: bigint;
  listing_id: bigint;
  quantity: number;
}

export async function insertShipmentItems(
  trx: Transaction,
  shipment_id: bigint,
  items: readonly NewShipmentItem[],
): Promise<void> {
  if (items.length === 0) return;
  await sql`
    insert into shipment_items (shipment_id, order_item_id, listing_id, quantity)
    select ${shipment_id}, order_item_id, listing_id, quantity
    from unnest(${column(items, "order_item_id")}::bigint[], ${column(items, "listing_id")}::bigint[],
                ${column(items, "quantity")}::int[]) as item (order_item_id, listing_id, quantity)`.execute(
    trx,
  );
}
