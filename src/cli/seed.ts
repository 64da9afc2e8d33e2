import type { Command } from "commander";
import { upsertListings } from "../use-cases/catalogue/upsert-listings.ts";
import { upsertLocations } from "../use-cases/catalogue/upsert-locations.ts";
import { upsertWarehouses } from "../use-cases/catalogue/upsert-warehouses.ts";
import { placeInventory } from "../use-cases/inventory/place-inventory.ts";
import { withDatabase } from "./with-database.ts";

const SHELVES = 10;
const UNITS = 50;

/** The same ids each time: seeding twice is seeding once. */
function call(method: string, nth = 0) {
  const requestId = `5eed0000-0000-4000-8000-${String(nth).padStart(12, "0")}`;
  return { principal: `seed-${method}`, method, requestId, bodyHash: Buffer.alloc(32) };
}

export function registerSeed(program: Command): void {
  program
    .command("seed")
    .description("a small warehouse to play with: ten listings on ten shelves; twice is once")
    .action(() =>
      withDatabase(async (db) => {
        const [warehouse] = await upsertWarehouses(db, call("UpsertWarehouses"), [
          { code: "DEMO", name: "Demo warehouse", priority: 1, address: { city: "Belgrade", country: "RS" } },
        ]);
        const warehouse_id = warehouse?.id as bigint;
        const numbers = Array.from({ length: SHELVES }, (_, index) => index + 1);
        const locations = await upsertLocations(db, call("UpsertLocations"), {
          warehouse_id,
          locations: numbers.map((n) => shelf(n)),
        });
        await upsertListings(
          db,
          call("UpsertListings"),
          numbers.map((n) => listing(n)),
        );
        for (const [index, { id: location_id }] of locations.entries())
          await placeInventory(db, call("PlaceInventory", index + 1), {
            listing_id: BigInt(1001 + index),
            warehouse_id,
            location_id,
            quantity: UNITS,
            received_at: null,
            lot_code: null,
            expires_on: null,
          });
        console.log(`warehouse ${warehouse_id}: listings 1001 to ${1000 + SHELVES}, ${UNITS} units each`);
      }),
    );
}

function shelf(n: number) {
  const code = `A-01-${n}`;
  return {
    code,
    barcode: `LOC-${code}`,
    zone_code: "A",
    kind: "bin" as const,
    aisle: 1,
    bay: n,
    level: 1,
    pick_sequence: 0,
  };
}

function listing(n: number) {
  return {
    listing_id: BigInt(1000 + n),
    sku: `DEMO-${n}`,
    name: `Demo article ${n}`,
    barcodes: [String(4_000_000_000_000 + n)],
    weight: 0.5,
    length: 10,
    width: 10,
    height: 10,
    removal_strategy: "fifo" as const,
  };
}
