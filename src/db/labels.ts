import { sql } from "kysely";
import { readAddress } from "../domain/address.ts";
import { LABEL_CONTENT_TYPES, type LabelContent } from "../domain/label.ts";
import type { LabelFormat, LabelStatus, ShipmentStatus } from "../domain/vocabulary.ts";
import { column } from "./column.ts";
import type { Database } from "./database.ts";
import type { Transaction } from "./transaction.ts";

export interface StoredLabel {
  package_id: bigint;
  format: LabelFormat;
  content_type: string;
  /** null: they are in the object store, under the key. */
  data: Uint8Array | null;
  store_key: string | null;
  /** Of the bytes, in hex. */
  sha256: string | null;
  /** null: the carrier drew it, and nobody else can. */
  content: LabelContent | null;
}

/** Where a package's label can be fetched again, as it was bought. */
export function labelUrl(package_id: bigint): string {
  return `/api/v1/packages/${package_id}/label`;
}

/** Where the labels of all of a task's packages can be fetched, as one document. */
export function taskLabelsUrl(task_id: bigint): string {
  return `/api/v1/packing-tasks/${task_id}/labels`;
}

/** The labels of these packages that have one, in the order of the ids: of each, first what was bought. */
export async function listLabels(db: Database, package_ids: readonly bigint[]): Promise<StoredLabel[]> {
  const { rows } = await sql<StoredLabel>`
    select l.package_id, l.format, l.content_type, l.data, l.store_key, l.sha256, l.content
    from unnest(${package_ids}::bigint[]) with ordinality as wanted (id, place)
    join package_labels l on l.package_id = wanted.id order by place, l.created_at`.execute(db);
  return rows;
}

export type LabelHere = Pick<StoredLabel, "package_id" | "format" | "content_type"> & { data: Uint8Array };

/** Labels whose bytes lie in the database, some of them. */
export async function listLabelsHere(db: Database, limit: number): Promise<LabelHere[]> {
  const { rows } = await sql<LabelHere>`
    select package_id, format, content_type, data from package_labels where data is not null
    order by created_at limit ${limit}`.execute(db);
  return rows;
}

type MovedLabel = Pick<StoredLabel, "package_id" | "format"> & { sha256: string; store_key: string };

/** Gives up the bytes that lie in the object store now, unless others have taken their place; says how many. */
export async function markMoved(db: Database, labels: readonly MovedLabel[]): Promise<number> {
  const { numAffectedRows } = await sql`
    update package_labels l set data = null, store_key = moved.store_key, sha256 = moved.sha256
    from unnest(${column(labels, "package_id")}::bigint[], ${column(labels, "format")}::text[],
      ${column(labels, "sha256")}::text[], ${column(labels, "store_key")}::text[])
      as moved (package_id, format, sha256, store_key)
    where l.package_id = moved.package_id and l.format = moved.format
      and encode(sha256(l.data), 'hex') = moved.sha256`.execute(db);
  return Number(numAffectedRows ?? 0n);
}

export interface NewLabel {
  package_id: bigint;
  tracking_number: string;
  format: LabelFormat;
  data: Uint8Array;
  /** Of a label that was drawn here. */
  content?: LabelContent | undefined;
}

/** Stores what was bought, on the packages and their shipment. Older renderings of these packages are not of this label. */
export async function storeLabels(
  trx: Transaction,
  shipment_id: bigint,
  labels: readonly NewLabel[],
  estimated_delivery_date: string | null,
): Promise<void> {
  const package_ids = column(labels, "package_id");
  const contents = labels.map(({ content }) => (content ? JSON.stringify(content) : null));
  await sql`delete from package_labels where package_id = any(${package_ids}::bigint[])`.execute(trx);
  await sql`
    with bought as (
      select * from unnest(${package_ids}::bigint[], ${column(labels, "tracking_number")}::text[],
        ${column(labels, "format")}::text[], ${labels.map((label) => LABEL_CONTENT_TYPES[label.format])}::text[],
        ${labels.map((label) => Buffer.from(label.data))}::bytea[], ${labels.map((label) => labelUrl(label.package_id))}::text[],
        ${contents}::jsonb[])
        as label (package_id, tracking_number, format, content_type, data, url, content)
    ), stored as (
      insert into package_labels (package_id, format, content_type, data, content, sha256)
      select package_id, format, content_type, data, content, encode(sha256(data), 'hex') from bought
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

/** A label that nobody wants any more is no longer its boxes': neither its number, nor what could be printed of it. */
export async function forgetLabels(trx: Transaction, shipment_id: bigint): Promise<void> {
  await sql`
    with boxes as (
      update packages set tracking_number = null, label_url = null, updated_at = now()
      where shipment_id = ${shipment_id} returning id
    ), forgotten as (
      delete from package_labels where package_id in (select id from boxes)
    )
    update shipments set label_url = null, updated_at = now() where id = ${shipment_id}`.execute(trx);
}

export interface ParcelToLabel {
  package_id: bigint;
  sequence_number: number;
  weight: number;
  length: number;
  width: number;
  height: number;
  sscc: string | null;
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
           p.width, p.height, p.sscc, p.tracking_number, s.carrier_code, c.name as carrier_name, s.service, s.ship_to, o.order_id,
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

export interface ParcelGoods {
  sku: string;
  name: string;
  quantity: number;
  /** kg of one unit. */
  weight: number | null;
}

/** What a shipment's boxes hold, a line for each listing. */
export async function listGoods(db: Database, shipment_id: bigint): Promise<ParcelGoods[]> {
  const { rows } = await sql<ParcelGoods>`
    select coalesce(l.sku, i.listing_id::text) as sku, coalesce(nullif(l.name, ''), l.sku, i.listing_id::text) as name,
      sum(i.quantity)::int as quantity, l.weight
    from shipment_items i left join listings l on l.listing_id = i.listing_id
    where i.shipment_id = ${shipment_id} group by i.listing_id, l.sku, l.name, l.weight order by i.listing_id`.execute(
    db,
  );
  return rows;
}
