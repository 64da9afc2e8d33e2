import { type Selectable, sql } from "kysely";
import type { Database } from "./database.ts";
import type { PackageRow } from "./packages.ts";
import { type PackageView, withContents } from "./packing-views.ts";
import type { ShipmentEvents, ShipmentItems } from "./schema.ts";
import { type ShipmentRow, shipmentNotFound } from "./shipments.ts";

type ShipmentItemRow = Selectable<ShipmentItems>;
type ShipmentEventRow = Selectable<ShipmentEvents>;

/** A shipment as callers see it. */
export interface ShipmentView extends ShipmentRow {
  packages: PackageView[];
  items: ShipmentItemRow[];
  /** Oldest first. */
  events: ShipmentEventRow[];
}

export async function shipmentView(db: Database, shipment_id: bigint): Promise<ShipmentView> {
  const [view] = await shipmentViews(db, [shipment_id]);
  if (!view) throw shipmentNotFound(shipment_id);
  return view;
}

/** In the order of the ids given; those that do not exist are left out. */
export async function shipmentViews(db: Database, ids: readonly bigint[]): Promise<ShipmentView[]> {
  if (ids.length === 0) return [];
  const { rows } = await sql<ShipmentRow>`
    select * from shipments where id = any(${ids}::bigint[]) order by array_position(${ids}::bigint[], id)`.execute(
    db,
  );
  const packages = Map.groupBy(await listPackages(db, ids), (box) => box.shipment_id);
  const items = Map.groupBy(await listItems(db, ids), (item) => item.shipment_id);
  const events = Map.groupBy(await listEvents(db, ids), (event) => event.shipment_id);
  return rows.map((row) => ({
    ...row,
    packages: packages.get(row.id) ?? [],
    items: items.get(row.id) ?? [],
    events: events.get(row.id) ?? [],
  }));
}

async function listPackages(db: Database, shipment_ids: readonly bigint[]): Promise<PackageView[]> {
  const { rows } = await sql<PackageRow>`
    select * from packages where shipment_id = any(${shipment_ids}::bigint[])
    order by shipment_id, sequence_number`.execute(db);
  return withContents(db, rows);
}

async function listItems(db: Database, shipment_ids: readonly bigint[]): Promise<ShipmentItemRow[]> {
  const { rows } = await sql<ShipmentItemRow>`
    select * from shipment_items where shipment_id = any(${shipment_ids}::bigint[]) order by id`.execute(db);
  return rows;
}

async function listEvents(db: Database, shipment_ids: readonly bigint[]): Promise<ShipmentEventRow[]> {
  const { rows } = await sql<ShipmentEventRow>`
    select * from shipment_events where shipment_id = any(${shipment_ids}::bigint[]) order by id`.execute(db);
  return rows;
}
