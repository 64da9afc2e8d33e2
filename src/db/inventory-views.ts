import { sql } from "kysely";
import type { MovementPlace, RemovalStrategy, ReservationStatus } from "../domain/vocabulary.ts";
import type { Database } from "./database.ts";
import type { Transaction } from "./transaction.ts";

type Reader = Database | Transaction;

/** A lot as callers see it. */
export interface LotView {
  id: bigint;
  listing_id: bigint;
  warehouse_id: bigint;
  location_id: bigint;
  location_code: string;
  location_barcode: string;
  quantity: number;
  reserved_quantity: number;
  available_quantity: number;
  received_at: Date;
  lot_code: string | null;
  expires_on: string | null;
  for_sale: boolean;
  created_at: Date;
  updated_at: Date;
}

const LOT = sql`lot.id, lot.listing_id, lot.warehouse_id, lot.location_id, l.code as location_code,
  l.barcode as location_barcode, lot.quantity, lot.reserved_quantity, lot.available_quantity, lot.received_at,
  lot.lot_code, lot.expires_on, lot.for_sale, lot.created_at, lot.updated_at`;

export async function findLotView(db: Reader, id: bigint): Promise<LotView | undefined> {
  const { rows } = await sql<LotView>`select ${LOT} from product_locations lot
    join locations l on l.id = lot.location_id where lot.id = ${id}`.execute(db);
  return rows[0];
}

/** A lot, and how its listing's stock leaves. */
export interface StockedLot extends LotView {
  removal_strategy: RemovalStrategy;
  /** Its available units can be promised: it is for sale, and not past its date. */
  promisable: boolean;
}

/** What there is of a listing; empty lots are left out. */
export async function listLotViews(
  db: Reader,
  listing_id: bigint,
  warehouse_id: bigint | undefined,
): Promise<StockedLot[]> {
  const { rows } = await sql<StockedLot>`
    select ${LOT}, listing.removal_strategy,
           lot.for_sale and (lot.expires_on is null or lot.expires_on >= current_date) as promisable
    from product_locations lot
    join locations l on l.id = lot.location_id
    join listings listing on listing.listing_id = lot.listing_id
    where lot.listing_id = ${listing_id} and lot.quantity > 0
      and (${warehouse_id ?? null}::bigint is null or lot.warehouse_id = ${warehouse_id ?? null}::bigint)`.execute(
    db,
  );
  return rows;
}

/** A lot that can be picked from, its place in the walk, and how its listing's stock leaves. */
export interface PickableLot extends LotView {
  pick_sequence: number;
  removal_strategy: RemovalStrategy;
}

/** Lots that can be picked from, with what is left of them. */
export async function listPickableLots(
  db: Reader,
  listing_id: bigint,
  warehouse_id: bigint,
): Promise<PickableLot[]> {
  const { rows } = await sql<PickableLot>`
    select ${LOT}, l.pick_sequence, listing.removal_strategy from product_locations lot
    join locations l on l.id = lot.location_id
    join listings listing on listing.listing_id = lot.listing_id
    where lot.listing_id = ${listing_id} and lot.warehouse_id = ${warehouse_id} and lot.allocatable
      and lot.available_quantity > 0 and (lot.expires_on is null or lot.expires_on >= current_date)`.execute(
    db,
  );
  return rows;
}

/** What orders wait for, of one listing; lines bound to no warehouse count for each. */
export async function sumBackordered(
  db: Reader,
  listing_id: bigint,
  warehouse_id: bigint | undefined,
): Promise<bigint> {
  const { rows } = await sql<{ units: bigint }>`
    select coalesce(sum(shortage_quantity), 0)::bigint as units from order_items
    where listing_id = ${listing_id} and shortage_quantity > 0
      and (${warehouse_id ?? null}::bigint is null or warehouse_id is null or warehouse_id = ${warehouse_id ?? null}::bigint)
  `.execute(db);
  return rows[0]?.units ?? 0n;
}

/** A hold as callers see it: its rows, one a lot, under one id. */
export interface HoldView {
  id: bigint;
  listing_id: bigint;
  warehouse_id: bigint;
  order_id: bigint;
  quantity: number;
  status: ReservationStatus;
  expires_at: Date | null;
  created_at: Date;
  allocations: {
    product_location_id: bigint;
    location_id: bigint;
    location_code: string;
    quantity: number;
  }[];
}

export async function findHoldView(db: Reader, hold_id: bigint): Promise<HoldView | undefined> {
  const { rows } = await sql<Omit<HoldView, "allocations"> & HoldView["allocations"][number]>`
    select r.hold_id as id, r.listing_id, r.warehouse_id, r.order_id, r.quantity, r.status, r.expires_at, r.created_at,
           r.product_location_id, lot.location_id, l.code as location_code
    from wms_reservations r
    join product_locations lot on lot.id = r.product_location_id
    join locations l on l.id = lot.location_id
    where r.hold_id = ${hold_id} order by r.id`.execute(db);
  const [first] = rows;
  if (!first) return undefined;
  return {
    id: first.id,
    listing_id: first.listing_id,
    warehouse_id: first.warehouse_id,
    order_id: first.order_id,
    quantity: rows.reduce((sum, row) => sum + row.quantity, 0),
    status: first.status,
    expires_at: first.expires_at,
    created_at: first.created_at,
    allocations: rows.map(({ product_location_id, location_id, location_code, quantity }) => ({
      product_location_id,
      location_id,
      location_code,
      quantity,
    })),
  };
}

export interface MovementView {
  id: bigint;
  listing_id: bigint;
  warehouse_id: bigint;
  quantity: number;
  from_place: MovementPlace;
  from_product_location_id: bigint | null;
  to_place: MovementPlace;
  to_product_location_id: bigint | null;
  reason: string;
  order_id: bigint | null;
  reference: string | null;
  occurred_at: Date;
}

export interface MovementFilter {
  listing_id?: bigint | undefined;
  warehouse_id?: bigint | undefined;
  product_location_id?: bigint | undefined;
  order_id?: bigint | undefined;
}

/** Ledger rows, newest first, below the id that the caller has seen last. A lot's are found by its listing's index. */
export async function listMovementViews(
  db: Database,
  filter: MovementFilter,
  page: { size: number; after: bigint },
): Promise<MovementView[]> {
  let query = db.selectFrom("inventory_movements").selectAll().orderBy("id", "desc").limit(page.size);
  if (page.after > 0n) query = query.where("id", "<", page.after);
  const { listing_id, warehouse_id, product_location_id: lot, order_id } = filter;
  if (listing_id !== undefined) query = query.where("listing_id", "=", listing_id);
  if (warehouse_id !== undefined) query = query.where("warehouse_id", "=", warehouse_id);
  if (order_id !== undefined) query = query.where("order_id", "=", order_id);
  if (lot !== undefined)
    query = query
      .where("listing_id", "=", (eb) =>
        eb.selectFrom("product_locations").select("listing_id").where("id", "=", lot),
      )
      .where((eb) =>
        eb.or([eb("from_product_location_id", "=", lot), eb("to_product_location_id", "=", lot)]),
      );
  return query.execute();
}
