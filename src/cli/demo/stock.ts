import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { WarehouseService } from "../../../gen/wms/v1/warehouse_service_pb.js";
import { inParallel } from "./in-parallel.ts";
import type { Random } from "./random.ts";
import type { RpcClient } from "./rpc-client.ts";
import type { StockedListing, Warehouses } from "./warehouses.ts";

const rpc = WarehouseService.method;
const LANES = 16;
const DAY_MS = 86_400_000;
const SCARCE_SHARE = 0.03;

interface Placement {
  listing: StockedListing;
  bin: StockedListing["bins"][number];
  quantity: number;
  /** Days since the supplier brought it. */
  age: number;
}

/**
 * Fills the shelves: each SKU in up to three lots of different age, with a little more than the day wants. A few get too
 * little, so that orders wait for the afternoon's delivery.
 */
export async function fillShelves(
  operator: RpcClient,
  { listings }: Warehouses,
  random: Random,
): Promise<void> {
  const placements = [...listings.values()].flatMap((listing) => {
    const { wanted } = listing;
    const scarce = wanted > 3 && random.chance(SCARCE_SHARE);
    return lotsOf(listing, scarce ? Math.ceil(wanted / 2) : wanted + 5 + Math.ceil(wanted / 10), random);
  });
  await inParallel(LANES, placements, (placement) => place(operator, placement));
}

function lotsOf(listing: StockedListing, total: number, random: Random): Placement[] {
  let left = total;
  return listing.bins.flatMap((bin, nth) => {
    const last = nth === listing.bins.length - 1;
    const quantity = last ? left : random.below(left + 1);
    left -= quantity;
    return quantity > 0 ? [{ listing, bin, quantity, age: 1 + random.below(200) }] : [];
  });
}

/** The supplier comes with what orders are waiting for. */
export async function replenish(
  operator: RpcClient,
  { listings }: Warehouses,
  shortages: ReadonlyMap<bigint, number>,
): Promise<void> {
  const placements = [...listings.values()].flatMap((listing) => {
    const quantity = shortages.get(listing.listing_id) ?? 0;
    const [bin] = listing.bins;
    return bin && quantity > 0 ? [{ listing, bin, quantity, age: 0 }] : [];
  });
  await inParallel(LANES, placements, (placement) => place(operator, placement));
}

async function place(operator: RpcClient, { listing, bin, quantity, age }: Placement): Promise<void> {
  await operator.call(rpc.placeInventory, {
    listingId: listing.listing_id,
    warehouseId: bin.warehouse_id,
    locationId: bin.location_id,
    quantity,
    receivedAt: timestampFromDate(new Date(Date.now() - age * DAY_MS)),
  });
}
