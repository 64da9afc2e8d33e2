import { WarehouseService } from "../../../gen/wms/v1/warehouse_service_pb.js";
import { inParallel } from "../../../src/cli/demo/in-parallel.ts";
import type { Random } from "../../../src/cli/demo/random.ts";
import type { RpcClient } from "../../../src/cli/demo/rpc-client.ts";

const rpc = WarehouseService.method;
const BINS = 12;
const LISTINGS = 16;

/** Two warehouses and goods that no other load knows. */
export interface World {
  warehouses: readonly { id: bigint; bins: readonly bigint[] }[];
  listings: readonly bigint[];
}

export async function buildWorld(operator: RpcClient, nth: number): Promise<World> {
  const codes = ["A", "B"].map((letter) => ({ code: `${letter}${nth}`, name: `${letter} ${nth}` }));
  const { warehouses } = await operator.call(rpc.upsertWarehouses, { warehouses: codes });
  const listings = Array.from({ length: LISTINGS }, (_, index) => BigInt(nth * 1_000 + index + 1));
  await operator.call(rpc.upsertListings, {
    listings: listings.map((listingId) => ({
      listingId,
      sku: `SKU-${listingId}`,
      name: `Goods ${listingId}`,
      barcodes: [`EAN-${listingId}`],
    })),
  });
  const built = [];
  for (const { id } of warehouses) built.push({ id, bins: await addBins(operator, id, nth) });
  return { warehouses: built, listings };
}

async function addBins(operator: RpcClient, warehouseId: bigint, nth: number): Promise<bigint[]> {
  const locations = Array.from({ length: BINS }, (_, bin) => ({
    code: `${nth}-${bin}`,
    barcode: `LOC-${warehouseId}-${bin}`,
    zoneCode: "A",
    aisle: 1,
    bay: bin + 1,
    level: 1,
  }));
  const answer = await operator.call(rpc.upsertLocations, { warehouseId, locations });
  return answer.locations.map(({ id }) => id);
}

/** So many units of each listing, in lots here and there. */
export async function stockUp(
  operator: RpcClient,
  world: World,
  wanted: ReadonlyMap<bigint, number>,
  random: Random,
): Promise<void> {
  const lots = [...wanted].flatMap(([listingId, units]) => {
    const first = random.below(units + 1);
    return [first, units - first]
      .filter((quantity) => quantity > 0)
      .map((quantity) => {
        const { id: warehouseId, bins } = random.pick(world.warehouses);
        return { listingId, warehouseId, locationId: random.pick(bins), quantity };
      });
  });
  await inParallel(8, lots, async (lot) => {
    await operator.call(rpc.placeInventory, lot);
  });
}
