import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { type Location, LocationKind } from "../../../gen/wms/v1/catalogue_pb.js";
import { WarehouseService } from "../../../gen/wms/v1/warehouse_service_pb.js";
import { type Day, skuKey } from "./day.ts";
import { inParallel } from "./in-parallel.ts";
import type { Random } from "./random.ts";
import type { RpcClient } from "./rpc-client.ts";

const rpc = WarehouseService.method;
const CHUNK = 1_000;
const LANES = 16;

export interface StockedListing {
  listing_id: bigint;
  sku: string;
  /** Units that the day's orders want. */
  wanted: number;
  warehouse_id: bigint;
  location_id: bigint;
}

export interface Warehouses {
  ids: bigint[];
  listings: Map<string, StockedListing>;
}

/** Two warehouses with a shelf for each SKU of the day. */
export async function buildWarehouses(operator: RpcClient, day: Day, random: Random): Promise<Warehouses> {
  const wanted = new Map<string, number>();
  for (const { items } of day.orders)
    for (const { sku, quantity } of items) wanted.set(skuKey(sku), (wanted.get(skuKey(sku)) ?? 0) + quantity);
  const skus = [...wanted.keys()].sort();
  const { warehouses } = await operator.call(rpc.upsertWarehouses, {
    warehouses: [
      {
        code: "MAIN",
        name: "Main warehouse",
        priority: 1,
        address: dock("1 Dock Road", "Belgrade", "11000"),
      },
      { code: "ANNEX", name: "Annex", priority: 2, address: dock("9 Ring Road", "Novi Sad", "21000") },
    ],
  });
  const ids = warehouses.map((warehouse) => warehouse.id);
  const homes = skus.map((sku) => ({ sku, warehouse_id: random.chance(0.85) ? ids[0] : ids[1] }));
  const places = new Map<string, Location>();
  for (const warehouse_id of ids) {
    const here = homes.filter((home) => home.warehouse_id === warehouse_id).map((home) => home.sku);
    for (const [nth, some] of chunks(here, CHUNK).entries()) {
      const start = nth * CHUNK;
      const locations = some.map((_, index) => shelf(start + index));
      const stored = await operator.call(rpc.upsertLocations, {
        warehouseId: warehouse_id as bigint,
        locations,
      });
      stored.locations.forEach((location, index) => places.set(some[index] as string, location));
    }
  }
  await addListings(operator, skus);
  const listings = homes.map(({ sku, warehouse_id }, index): [string, StockedListing] => [
    sku,
    {
      listing_id: BigInt(index + 1),
      sku,
      wanted: wanted.get(sku) ?? 0,
      warehouse_id: warehouse_id as bigint,
      location_id: places.get(sku)?.id ?? 0n,
    },
  ]);
  return { ids, listings: new Map(listings) };
}

async function addListings(operator: RpcClient, skus: readonly string[]): Promise<void> {
  const listings = skus.map((sku, index) => ({
    listingId: BigInt(index + 1),
    sku,
    name: `Article ${sku}`,
    barcodes: [String(4_000_000_000_000 + index)],
    weight: 0.1 + (index % 20) / 10,
  }));
  for (const some of chunks(listings, CHUNK)) await operator.call(rpc.upsertListings, { listings: some });
}

/**
 * Fills the shelves: each SKU in two lots of different age, with a little more than the day wants. A few get too little,
 * so that orders wait for the afternoon's delivery.
 */
export async function fillShelves(
  operator: RpcClient,
  { listings }: Warehouses,
  random: Random,
): Promise<void> {
  const placements = [...listings.values()].flatMap((listing) => {
    const scarce = listing.wanted > 3 && random.chance(0.03);
    const total = scarce
      ? Math.ceil(listing.wanted / 2)
      : listing.wanted + 5 + Math.ceil(listing.wanted / 10);
    const old = 1 + random.below(total);
    return [
      { listing, quantity: old, days: 20 + random.below(200) },
      { listing, quantity: total - old, days: 1 + random.below(19) },
    ].filter(({ quantity }) => quantity > 0);
  });
  await inParallel(LANES, placements, ({ listing, quantity, days }) =>
    place(operator, listing, quantity, days),
  );
}

export async function place(
  operator: RpcClient,
  listing: StockedListing,
  quantity: number,
  days = 0,
): Promise<void> {
  await operator.call(rpc.placeInventory, {
    listingId: listing.listing_id,
    warehouseId: listing.warehouse_id,
    locationId: listing.location_id,
    quantity,
    receivedAt: timestampFromDate(new Date(Date.now() - days * 86_400_000)),
  });
}

function shelf(index: number) {
  const [aisle, bay, level] = [
    1 + Math.floor(index / 100),
    1 + Math.floor((index % 100) / 4),
    1 + (index % 4),
  ];
  const code = `${String(aisle).padStart(2, "0")}-${String(bay).padStart(2, "0")}-${level}`;
  return { code, barcode: `LOC-${code}`, zoneCode: `Z${aisle}`, kind: LocationKind.BIN, aisle, bay, level };
}

function dock(street: string, city: string, postalCode: string) {
  return { company: "Demo Trade", street, city, postalCode, country: "RS", phone: "+381110000000" };
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, nth) =>
    items.slice(nth * size, nth * size + size),
  );
}
