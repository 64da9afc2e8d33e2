import { LocationKind } from "../../../gen/wms/v1/catalogue_pb.js";
import { WarehouseService } from "../../../gen/wms/v1/warehouse_service_pb.js";
import { type Day, skuKey } from "./day.ts";
import type { Random } from "./random.ts";
import type { RpcClient } from "./rpc-client.ts";

const rpc = WarehouseService.method;
const CHUNK = 1_000;
/** Of the SKUs, so many are at home in the main warehouse; and so many lie in the other one, too. */
const MAIN_SHARE = 0.85;
const BOTH_SHARE = 0.2;

const BUILDINGS = [
  { code: "MAIN", name: "Main warehouse", priority: 1, address: dock("1 Dock Road", "Belgrade", "11000") },
  { code: "ANNEX", name: "Annex", priority: 2, address: dock("9 Ring Road", "Novi Sad", "21000") },
];

export interface StockedListing {
  listing_id: bigint;
  sku: string;
  /** Units that the day's orders want. */
  wanted: number;
  /** Where it lies: two places at home, and for some one more in the other warehouse. */
  bins: { warehouse_id: bigint; location_id: bigint }[];
}

export interface Warehouses {
  ids: bigint[];
  /** By the key of their SKU. */
  listings: Map<string, StockedListing>;
}

/** Two warehouses with shelves for each SKU of the day. */
export async function buildWarehouses(operator: RpcClient, day: Day, random: Random): Promise<Warehouses> {
  const listings = listingsOf(day);
  for (const some of chunks([...listings.values()])) await operator.call(rpc.upsertListings, catalogue(some));
  const { warehouses } = await operator.call(rpc.upsertWarehouses, { warehouses: BUILDINGS });
  const ids = warehouses.map((warehouse) => warehouse.id);
  const guests = ids.map((): StockedListing[] => []);
  for (const listing of listings.values()) {
    const home = random.chance(MAIN_SHARE) ? 0 : 1;
    guests[home]?.push(listing, listing);
    if (random.chance(BOTH_SHARE)) guests[1 - home]?.push(listing);
  }
  for (const [nth, warehouse_id] of ids.entries()) {
    const here = guests[nth] ?? [];
    const locations = await addShelves(operator, warehouse_id, here.length);
    here.forEach((listing, index) =>
      listing.bins.push({ warehouse_id, location_id: locations[index] as bigint }),
    );
  }
  return { ids, listings };
}

function listingsOf(day: Day): Map<string, StockedListing> {
  const wanted = new Map<string, number>();
  for (const { items } of day.orders)
    for (const { sku, quantity } of items) wanted.set(skuKey(sku), (wanted.get(skuKey(sku)) ?? 0) + quantity);
  const sorted = [...wanted].sort(([a], [b]) => (a < b ? -1 : 1));
  return new Map(
    sorted.map(([sku, units], index) => [
      sku,
      { listing_id: BigInt(index + 1), sku, wanted: units, bins: [] },
    ]),
  );
}

function catalogue(listings: readonly StockedListing[]) {
  return {
    listings: listings.map(({ listing_id, sku }) => ({
      listingId: listing_id,
      sku,
      name: `Article ${sku}`,
      barcodes: [String(4_000_000_000_000n + listing_id)],
      weight: 0.1 + Number(listing_id % 20n) / 10,
    })),
  };
}

/** So many bins, in aisles of a hundred; returns their ids. */
async function addShelves(operator: RpcClient, warehouseId: bigint, count: number): Promise<bigint[]> {
  const ids: bigint[] = [];
  for (const locations of chunks(Array.from({ length: count }, (_, index) => shelf(index)))) {
    const stored = await operator.call(rpc.upsertLocations, { warehouseId, locations });
    ids.push(...stored.locations.map((location) => location.id));
  }
  return ids;
}

function shelf(index: number) {
  const aisle = 1 + Math.floor(index / 100);
  const bay = 1 + Math.floor((index % 100) / 4);
  const level = 1 + (index % 4);
  const code = `${String(aisle).padStart(2, "0")}-${String(bay).padStart(2, "0")}-${level}`;
  return { code, barcode: `LOC-${code}`, zoneCode: `Z${aisle}`, kind: LocationKind.BIN, aisle, bay, level };
}

function dock(street: string, city: string, postalCode: string) {
  return { company: "Demo Trade", street, city, postalCode, country: "RS", phone: "+381110000000" };
}

function chunks<T>(items: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(items.length / CHUNK) }, (_, nth) =>
    items.slice(nth * CHUNK, nth * CHUNK + CHUNK),
  );
}
