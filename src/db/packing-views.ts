import { sql } from "kysely";
import { parcelWeights } from "../domain/packing.ts";
import type { PackingTaskItemStatus } from "../domain/vocabulary.ts";
import type { Database } from "./database.ts";
import { listPackageContents, type PackageContent, type PackageRow } from "./packages.ts";
import { type PackingTaskRow, packingTaskNotFound } from "./packing.ts";

export interface PackingItemView {
  id: bigint;
  task_id: bigint;
  listing_id: bigint;
  quantity: number;
  packed_quantity: number;
  status: PackingTaskItemStatus;
  sku: string;
  name: string;
  barcodes: string[];
}

export interface PackageView extends PackageRow {
  items: PackageContent[];
}

/** A packing task as callers see it. */
export interface PackingTaskView extends PackingTaskRow {
  shipment_id: bigint | null;
  items: PackingItemView[];
  packages: PackageView[];
  /** kg, summed over the packages. */
  volumetric_weight: number;
  chargeable_weight: number;
}

export async function packingTaskView(db: Database, task_id: bigint): Promise<PackingTaskView> {
  const [view] = await packingTaskViews(db, [task_id]);
  if (!view) throw packingTaskNotFound(task_id);
  return view;
}

/** In the order of the ids given; those that do not exist are left out. */
export async function packingTaskViews(db: Database, ids: readonly bigint[]): Promise<PackingTaskView[]> {
  if (ids.length === 0) return [];
  const tasks = await listTasks(db, ids);
  const items = Map.groupBy(await listItems(db, ids), (item) => item.task_id);
  const packages = Map.groupBy(await listPackages(db, ids), (box) => box.packing_task_id);
  return tasks.map((task) => {
    const boxes = packages.get(task.id) ?? [];
    return { ...task, items: items.get(task.id) ?? [], packages: boxes, ...parcelWeights(task, boxes) };
  });
}

async function listTasks(
  db: Database,
  ids: readonly bigint[],
): Promise<(PackingTaskRow & { shipment_id: bigint | null })[]> {
  const { rows } = await sql<PackingTaskRow & { shipment_id: bigint | null }>`
    select task.*, (select s.id from shipments s where s.fulfillment_id = task.fulfillment_id and s.status <> 'cancelled'
                    order by s.id limit 1) as shipment_id
    from packing_tasks task where task.id = any(${ids}::bigint[])
    order by array_position(${ids}::bigint[], task.id)`.execute(db);
  return rows;
}

async function listItems(db: Database, ids: readonly bigint[]): Promise<PackingItemView[]> {
  const { rows } = await sql<PackingItemView>`
    select item.id, item.task_id, item.listing_id, item.quantity, item.packed_quantity, item.status,
           listing.sku, listing.name, listing.barcodes
    from packing_task_items item join listings listing using (listing_id)
    where item.task_id = any(${ids}::bigint[]) order by item.id`.execute(db);
  return rows;
}

async function listPackages(db: Database, task_ids: readonly bigint[]): Promise<PackageView[]> {
  const { rows } = await sql<PackageRow>`
    select * from packages where packing_task_id = any(${task_ids}::bigint[])
    order by packing_task_id, sequence_number`.execute(db);
  return withContents(db, rows);
}

export async function withContents(db: Database, boxes: readonly PackageRow[]): Promise<PackageView[]> {
  if (boxes.length === 0) return [];
  const contents = await listPackageContents(
    db,
    boxes.map((box) => box.id),
  );
  const items = Map.groupBy(contents, (content) => content.package_id);
  return boxes.map((box) => ({ ...box, items: items.get(box.id) ?? [] }));
}
