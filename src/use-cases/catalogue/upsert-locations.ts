import {
  findStockedPlace,
  findUnknownWarehouse,
  type LocationRow,
  upsertLocations as store,
} from "../../db/catalogue.ts";
import type { Database } from "../../db/database.ts";
import { type Call, once } from "../../db/idempotency.ts";
import { DomainError } from "../../domain/errors.ts";
import { assertDistinct } from "./assert-distinct.ts";

type NewLocation = Omit<LocationRow, "id" | "warehouse_id" | "created_at" | "updated_at">;

/** Makes or updates places by code. A place that holds goods keeps its kind: it decides whether they are for sale. */
export async function upsertLocations(
  db: Database,
  call: Call,
  { warehouse_id, locations }: { warehouse_id: bigint; locations: readonly NewLocation[] },
): Promise<LocationRow[]> {
  assertDistinct(
    "locations",
    "code",
    locations.map((location) => location.code),
  );
  assertDistinct(
    "locations",
    "barcode",
    locations.map((location) => location.barcode),
  );
  return once(db, call, async (trx) => {
    if ((await findUnknownWarehouse(trx, [warehouse_id])) !== undefined)
      throw new DomainError("WAREHOUSE_NOT_FOUND", `no warehouse ${warehouse_id}`, { warehouse_id });
    const stocked = await findStockedPlace(trx, warehouse_id, locations);
    if (stocked)
      throw new DomainError(
        "LOCATION_IN_USE",
        `location ${stocked.code} is a ${stocked.kind} with goods in it: empty it before its kind is changed`,
        { location_code: stocked.code, kind: stocked.kind },
      );
    return store(trx, warehouse_id, locations);
  });
}
