import { type Selectable, sql } from "kysely";
import { DomainError } from "../domain/errors.ts";
import type { Dimensions } from "../domain/parcel.ts";
import type { PackagingType } from "../domain/vocabulary.ts";
import { column } from "./column.ts";
import type { Database } from "./database.ts";
import type { Packages } from "./schema.ts";
import type { Transaction } from "./transaction.ts";

export type PackageRow = Selectable<Packages>;

export interface NewPackage extends Dimensions {
  packaging_type: PackagingType;
  barcode: string | null;
}

export function packageNotFound(package_id: bigint, of: string): DomainError {
  return new DomainError("PACKAGE_NOT_FOUND", `no package ${package_id} in ${of}`, { package_id });
}

export async function listTaskPackages(db: Database, packing_task_id: bigint): Promise<PackageRow[]> {
  return db
    .selectFrom("packages")
    .selectAll()
    .where("packing_task_id", "=", packing_task_id)
    .orderBy("sequence_number")
    .execute();
}

export async function listShipmentPackages(db: Database, shipment_id: bigint): Promise<PackageRow[]> {
  return db
    .selectFrom("packages")
    .selectAll()
    .where("shipment_id", "=", shipment_id)
    .orderBy("sequence_number")
    .execute();
}

/** Adds a box to a locked task, as its next one. */
export async function addTaskPackage(
  trx: Transaction,
  packing_task_id: bigint,
  box: NewPackage,
): Promise<bigint> {
  const { rows } = await sql<{ id: bigint }>`
    insert into packages (packing_task_id, sequence_number, packaging_type, weight, length, width, height, barcode)
    select ${packing_task_id}, coalesce(max(sequence_number), 0) + 1, ${box.packaging_type}, ${box.weight}, ${box.length},
           ${box.width}, ${box.height}, ${box.barcode}
    from packages where packing_task_id = ${packing_task_id}
    returning id`.execute(trx);
  return (rows[0] as { id: bigint }).id;
}

/** Boxes that a shipment was created with directly, numbered in the order given. */
export async function insertShipmentPackages(
  trx: Transaction,
  shipment_id: bigint,
  boxes: readonly NewPackage[],
): Promise<void> {
  if (boxes.length === 0) return;
  await sql`
    insert into packages (shipment_id, sequence_number, packaging_type, weight, length, width, height, barcode)
    select ${shipment_id}, ordinal, packaging_type, weight, length, width, height, barcode
    from unnest(${column(boxes, "packaging_type")}::text[], ${column(boxes, "weight")}::numeric[],
      ${column(boxes, "length")}::numeric[], ${column(boxes, "width")}::numeric[], ${column(boxes, "height")}::numeric[],
      ${column(boxes, "barcode")}::text[]) with ordinality
      as box (packaging_type, weight, length, width, height, barcode, ordinal)
    order by ordinal`.execute(trx);
}

/** Gives a task's boxes that are in no live shipment to this one; says how many there were. */
export async function attachTaskPackages(
  trx: Transaction,
  packing_task_id: bigint,
  shipment_id: bigint,
): Promise<number> {
  const { rows } = await sql<{ id: bigint }>`
    update packages p set shipment_id = ${shipment_id}, tracking_number = null, label_url = null, updated_at = now()
    where p.packing_task_id = ${packing_task_id} and p.shipment_id is distinct from ${shipment_id}
      and not exists (select from shipments s where s.id = p.shipment_id and s.status <> 'cancelled')
    returning id`.execute(trx);
  return rows.length;
}

/** Puts units of a packing item into a package, on top of those that are in it. */
export async function addToPackage(
  trx: Transaction,
  package_id: bigint,
  item_id: bigint,
  quantity: number,
): Promise<void> {
  await sql`
    insert into package_items as content (package_id, packing_task_item_id, quantity)
    values (${package_id}, ${item_id}, ${quantity})
    on conflict (package_id, packing_task_item_id) do update set quantity = content.quantity + excluded.quantity`.execute(
    trx,
  );
}

/** Everything that was packed and stands in no package is in this one: it is the task's only box. */
export async function fillOnlyPackage(
  trx: Transaction,
  packing_task_id: bigint,
  package_id: bigint,
): Promise<void> {
  await sql`
    insert into package_items as content (package_id, packing_task_item_id, quantity)
    select ${package_id}, id, quantity from packing_task_items where task_id = ${packing_task_id} and quantity > 0
    on conflict (package_id, packing_task_item_id) do update set quantity = excluded.quantity`.execute(trx);
}

export interface PackageContent {
  package_id: bigint;
  listing_id: bigint;
  quantity: number;
}

export async function listPackageContents(
  db: Database,
  package_ids: readonly bigint[],
): Promise<PackageContent[]> {
  const { rows } = await sql<PackageContent>`
    select content.package_id, item.listing_id, sum(content.quantity)::int as quantity
    from package_items content join packing_task_items item on item.id = content.packing_task_item_id
    where content.package_id = any(${package_ids}::bigint[])
    group by content.package_id, item.listing_id order by content.package_id, item.listing_id`.execute(db);
  return rows;
}

export async function packageExists(db: Database, package_id: bigint): Promise<boolean> {
  const row = await db.selectFrom("packages").select("id").where("id", "=", package_id).executeTakeFirst();
  return row !== undefined;
}
