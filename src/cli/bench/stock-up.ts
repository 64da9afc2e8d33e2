import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import type { Database } from "../../db/database.ts";
import { upsertListings } from "../../use-cases/catalogue/upsert-listings.ts";
import { upsertLocations } from "../../use-cases/catalogue/upsert-locations.ts";
import { upsertWarehouses } from "../../use-cases/catalogue/upsert-warehouses.ts";
import { placeInventory } from "../../use-cases/inventory/place-inventory.ts";

export const LISTINGS = 1_000;
const EACH = 1_000_000;

function call(method: string) {
  return { principal: "bench", method, requestId: randomUUID(), bodyHash: Buffer.alloc(32) };
}

/** One warehouse with a thousand listings, a shelf for each, and more stock than any run can sell. */
export async function stockUp(db: Database): Promise<void> {
  const [warehouse] = await upsertWarehouses(db, call("UpsertWarehouses"), [
    { code: "BENCH", name: "Bench", priority: 1, address: {} },
  ]);
  const warehouse_id = warehouse?.id as bigint;
  const numbers = Array.from({ length: LISTINGS }, (_, index) => index + 1);
  const locations = await upsertLocations(db, call("UpsertLocations"), {
    warehouse_id,
    locations: numbers.map((n) => ({
      code: `B-${n}`,
      barcode: `B-${n}`,
      zone_code: "",
      kind: "bin" as const,
      aisle: 1 + (n % 20),
      bay: Math.ceil(n / 20),
      level: 1,
      pick_sequence: 0,
    })),
  });
  const measures = { weight: null, length: null, width: null, height: null };
  await upsertListings(
    db,
    call("UpsertListings"),
    numbers.map((n) => ({
      listing_id: BigInt(n),
      sku: `S-${n}`,
      name: `Listing ${n}`,
      barcodes: [],
      ...measures,
      removal_strategy: "fifo" as const,
    })),
  );
  await Promise.all(
    locations.map(({ id: location_id }, index) =>
      placeInventory(db, call("PlaceInventory"), {
        listing_id: BigInt(index + 1),
        warehouse_id,
        location_id,
        quantity: EACH,
        received_at: null,
        lot_code: null,
        expires_on: null,
      }),
    ),
  );
}

/** Sends pickers to every task at once, so that picking alone is measured. */
export async function openTasks(db: Database): Promise<void> {
  await sql`update picking_tasks set status = 'assigned', worker_id = 1 where status = 'pending'`.execute(db);
  await sql`update picking_tasks set status = 'in_progress', started_at = now() where status = 'assigned'`.execute(
    db,
  );
  await sql`update fulfillments set status = 'picking' where status = 'planning'`.execute(db);
}
