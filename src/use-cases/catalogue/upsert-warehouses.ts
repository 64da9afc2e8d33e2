import { type NewWarehouse, upsertWarehouses as store, type WarehouseRow } from "../../db/catalogue.ts";
import type { Database } from "../../db/database.ts";
import { type Call, once } from "../../db/idempotency.ts";
import { assertDistinct } from "./assert-distinct.ts";

/** Makes or updates warehouses by code. Each has a put-back and a quarantine place from the first day. */
export async function upsertWarehouses(
  db: Database,
  call: Call,
  warehouses: readonly NewWarehouse[],
): Promise<WarehouseRow[]> {
  assertDistinct(
    "warehouses",
    "code",
    warehouses.map((warehouse) => warehouse.code),
  );
  return once(db, call, (trx) => store(trx, warehouses));
}
