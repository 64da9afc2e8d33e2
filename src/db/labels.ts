import { sql } from "kysely";
import { readAddress } from "../domain/address.ts";
import { LABEL_CONTENT_TYPES, type LabelContent } from "../domain/label.ts";
import type { LabelFormat, LabelStatus, ShipmentStatus } from "../domain/vocabulary.ts";
import type { Database } from "./database.ts";
import { column } from "./stock.ts";
import type { Transaction } from "./transaction.ts";

export interface StoredLabel {
  format: LabelFormat;
  content_type: string;
  data: Uint8Array;
}

/** Where a package's label can be fetched again. */
export function labelUrl(package_id: bigint): string {
  return `/api/v1/packages/${package_id}/label`;
}

/** A package's label in this format, or else in any other: the one that was bought comes first. */
export async function findLabel(
  db: Database,
  package_id: bigint,
  format: LabelFormat,
): Promise<StoredLabel | undefined> {
  const { rows } = await sql<StoredLabel>`
    select format, content_type, data from package_labels where package_id = ${package_id}
    order by format <> ${format}, created_at limit 1`.execute(db);
  return rows[0];
}

/** Keeps a rendering; whoever was first is right, so that every print gives the same bytes. */
export async function keepLabel(
  db: Database,
  package_id: bigint,
  { format, data }: { format: LabelFormat; data: Uint8Array },
): Promise<StoredLabel> {
  await sql`
    insert into package_labels (package_id, format, content_type, data)
    values (${package_id}, ${format}, ${LABEL_CONTENT_TYPES[format]}, ${Buffer.from(data)})
    on conflict (package_id, format) do nothing`.execute(db);
  return (await findLabel(db, package_id, format)) as StoredLabel;
}

export interface NewLabel {
  package_id: bigint;
  tracking_number: string;
  format: LabelFormat;
  data: Uint8Array;
}

/** Stores what was bought, on the packages and their shipment. Older renderings of these packages are not of this label. */
export async function storeLabels(
  trx: Transaction,
  shipment_id: bigint,
  labels: readonly NewLabel[],
  estimated_delivery_date: string | null,
): Promise<void> {
  const package_ids = column(labels, "package_id");
  await sql`delete from package_labels where package_id = any(${package_ids}::bigint[])`.execute(trx);
  await sql`
    with bought as (
      select * from unnest(${package_ids}::bigint[], ${column(labels, "tracking_number")}::text[],
        ${column(labels, "format")}::text[], ${labels.map((label) => LABEL_CONTENT_TYPES[label.format])}::text[],
        ${labels.map((label) => Buffer.from(label.data))}::bytea[], ${labels.map((label) => labelUrl(label.package_id))}::text[])
        as label (package_id, tracking_number, format, content_type, data, url)
    ), stored as (
      insert into package_labels (package_id, format, content_type, data)
      select package_id, format, content_type, data from bought
    ), boxes as (
      update packages p set tracking_number = bought.tracking_number, label_url = bought.url, updated_at = now()
      from bought where p.id = bought.package_id
    )
    update shipments s set label_status = 'created', tracking_number = bought.tracking_number, label_url = bought.url,
      estimated_delivery_date = ${estimated_delivery_date}::date, updated_at = now()
    from bought where s.id = ${shipment_id} and bought.package_id = ${package_ids[0] ?? null}::bigint`.execute(
    trx,
  );
}

export interface ParcelToLabel {
  package_id: bigint;
  sequence_number: number;
  weight: number;
  length: number;
  width: number;
  height: number;
  content: LabelContent;
}

interface ParcelRow extends Omit<ParcelToLabel, "content"> {
  tracking_number: string | null;
  carrier_code: string;
  carrier_name: string | null;
  service: string;
  ship_to: unknown;
  order_id: bigint;
  order_number: string;
  warehouse_name: string | null;
  warehouse_address: unknown;
}

/** What stands on the labels of a shipment's boxes, in their order. */
export async function listParcels(db: Database, shipment_id: bigint): Promise<ParcelToLabel[]> {
  const { rows } = await sql<ParcelRow>`
    select p.id as package_id, row_number() over (order by p.sequence_number)::int as sequence_number, p.weight, p.length,
           p.width, p.height, p.tracking_number, s.carrier_code, c.name as carrier_name, s.service, s.ship_to, o.order_id,
           o.order_number, w.name as warehouse_name, w.address as warehouse_address
    from packages p
    join shipments s on s.id = p.shipment_id
    join orders o on o.order_id = s.order_id
    left join carriers c on c.code = s.carrier_code
    left join warehouses w on w.id = s.warehouse_id
    where s.id = ${shipment_id} order by p.sequence_number`.execute(db);
  return rows.map((row) => ({ ...row, content: contentOf(row, rows.length) }));
}

function contentOf(row: ParcelRow, package_count: number): LabelContent {
  const sender = readAddress(row.warehouse_address);
  return {
    carrier_name: row.carrier_name ?? row.carrier_code,
    service: row.service,
    from: { ...sender, contact_name: sender.contact_name || (row.warehouse_name ?? "") },
    to: readAddress(row.ship_to),
    order_number: row.order_number || String(row.order_id),
    tracking_number: row.tracking_number ?? "",
    sequence_number: row.sequence_number,
    package_count,
    weight: row.weight,
  };
}

export interface LabelOrder {
  shipment_id: bigint;
  order_id: bigint;
  carrier_code: string;
  service: string;
  status: ShipmentStatus;
  label_status: LabelStatus;
}

/** How the purchase of a shipment's labels stands, read without a lock. */
export async function findLabelOrder(db: Database, shipment_id: bigint): Promise<LabelOrder | undefined> {
  return db
    .selectFrom("shipments")
    .select(["id as shipment_id", "order_id", "carrier_code", "service", "status", "label_status"])
    .where("id", "=", shipment_id)
    .executeTakeFirst();
}

/** What was last bought for a shipment, or asked for, and of whom: it may travel under another carrier's number now. */
export async function findPurchase(
  db: Database,
  shipment_id: bigint,
): Promise<{ carrier_code: string; tracking_numbers: string[] } | undefined> {
  const { rows } = await sql<{ carrier_code: string; tracking_numbers: string | null }>`
    select payload_json->>'carrier_code' as carrier_code, payload_json->>'tracking_numbers' as tracking_numbers
    from shipment_events
    where shipment_id = ${shipment_id} and event_type in ('LABEL_CREATED', 'LABEL_VOIDED')
      and payload_json ? 'carrier_code'
    order by event_type = 'LABEL_CREATED' desc, id desc limit 1`.execute(db);
  return rows[0] && { ...rows[0], tracking_numbers: rows[0].tracking_numbers?.split(",") ?? [] };
}
