import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import type { Database } from "../../src/db/database.ts";
import type { Call } from "../../src/db/idempotency.ts";
import type { OrderEvent } from "../../src/domain/order-event.ts";
import type { OrderPolicy, RemovalStrategy } from "../../src/domain/vocabulary.ts";
import { upsertListings } from "../../src/use-cases/catalogue/upsert-listings.ts";
import { upsertLocations } from "../../src/use-cases/catalogue/upsert-locations.ts";
import { upsertWarehouses } from "../../src/use-cases/catalogue/upsert-warehouses.ts";
import { placeInventory } from "../../src/use-cases/inventory/place-inventory.ts";
import { allocateBackorders } from "../../src/use-cases/orders/allocate-backorders.ts";

/** A write of its own, never replayed. */
export function freshCall(method = "Test"): Call {
  return { principal: "test", method, requestId: randomUUID(), bodyHash: Buffer.alloc(32) };
}

export interface TestWarehouse {
  id: bigint;
  bins: bigint[];
}

/** Warehouses in order of priority, each with `bins` places in a row. */
export async function makeWarehouses(db: Database, count = 1, bins = 5): Promise<TestWarehouse[]> {
  const rows = await upsertWarehouses(
    db,
    freshCall(),
    Array.from({ length: count }, (_, index) => ({
      code: `W${index + 1}`,
      name: `Warehouse ${index + 1}`,
      priority: index + 1,
      address: { street: "1 Dock Road", city: "Belgrade", country: "RS" },
    })),
  );
  return Promise.all(
    rows.map(async ({ id }) => {
      const places = Array.from({ length: bins }, (_, index) => ({
        code: `A-${index + 1}`,
        barcode: `LOC-A-${index + 1}`,
        zone_code: "A",
        kind: "bin" as const,
        aisle: 1,
        bay: index + 1,
        level: 1,
        pick_sequence: 0,
      }));
      const locations = await upsertLocations(db, freshCall(), { warehouse_id: id, locations: places });
      return { id, bins: locations.map((location) => location.id) };
    }),
  );
}

export async function makeListings(
  db: Database,
  ids: readonly bigint[],
  removal_strategy: RemovalStrategy = "fifo",
): Promise<void> {
  await upsertListings(
    db,
    freshCall(),
    ids.map((listing_id) => ({
      listing_id,
      sku: `SKU-${listing_id}`,
      name: `Listing ${listing_id}`,
      barcodes: [`EAN-${listing_id}`],
      weight: 0.5,
      length: 10,
      width: 10,
      height: 5,
      removal_strategy,
    })),
  );
}

/** Places units; `age` days old. Returns the lot's id. */
export async function place(
  db: Database,
  warehouse: TestWarehouse,
  listing_id: bigint,
  quantity: number,
  { bin = 0, age = 1, expires_on = null as string | null, lot_code = null as string | null } = {},
): Promise<bigint> {
  const lot = await placeInventory(db, freshCall(), {
    listing_id,
    warehouse_id: warehouse.id,
    location_id: warehouse.bins[bin] as bigint,
    quantity,
    received_at: new Date(Date.UTC(2026, 0, 100 - age)),
    lot_code,
    expires_on,
  });
  return lot.id;
}

export interface TestItem {
  listing_id: bigint;
  quantity: number;
  warehouse_id?: bigint;
}

export function confirmed(
  order_id: bigint,
  items: readonly TestItem[],
  policy: OrderPolicy = "backorder",
  eventId: string = randomUUID(),
): OrderEvent {
  return {
    kind: "confirmed",
    eventId,
    entryId: eventId,
    order: {
      order_id,
      storefront_id: 1n,
      order_number: `N-${order_id}`,
      priority: "normal",
      policy,
      ship_to: {
        contact_name: "Ann Example",
        street: "2 Test Street",
        city: "Novi Sad",
        postal_code: "21000",
        country: "RS",
      },
      items: items.map((item) => ({ warehouse_id: null, ...item })),
    },
  };
}

export function cancelled(
  order_id: bigint,
  items: readonly { listing_id: bigint; quantity: number }[] = [],
  eventId: string = randomUUID(),
): OrderEvent {
  return { kind: "cancelled", eventId, entryId: eventId, order_id, reason: "customer", items: [...items] };
}

/** Does what the job runner would do for waiting orders, now. */
export async function serveBackorders(db: Database): Promise<void> {
  const { rows } = await sql<{ listing_id: bigint }>`
    select distinct listing_id from order_items where shortage_quantity > 0`.execute(db);
  if (rows.length > 0)
    await allocateBackorders(
      db,
      rows.map((row) => row.listing_id),
    );
}

/** The balances of a listing, over all its lots. */
export async function stockOf(
  db: Database,
  listing_id: bigint,
): Promise<{ quantity: number; reserved: number }> {
  const { rows } = await sql<{ quantity: number; reserved: number }>`
    select coalesce(sum(quantity), 0)::int as quantity, coalesce(sum(reserved_quantity), 0)::int as reserved
    from product_locations where listing_id = ${listing_id}`.execute(db);
  return rows[0] as { quantity: number; reserved: number };
}
