import type { Database } from "../../db/database.ts";
import { type Call, once } from "../../db/idempotency.ts";
import { setPackageDetails as storePackageDetails } from "../../db/packing.ts";
import { type PackingTaskView, packingTaskView } from "../../db/packing-views.ts";
import type { Actor } from "../../domain/ownership.ts";
import type { Dimensions } from "../../domain/parcel.ts";
import type { PackagingType } from "../../domain/vocabulary.ts";
import { lockTaskInProgress } from "./lock-task.ts";

export interface PackageDetails extends Dimensions {
  task_id: bigint;
  packaging_type: PackagingType;
  actor: Actor;
}

/** Measures the parcel; may be repeated until it is closed. */
export async function setPackageDetails(
  db: Database,
  call: Call,
  input: PackageDetails,
): Promise<PackingTaskView> {
  return once(db, call, async (trx) => {
    const task = await lockTaskInProgress(trx, input, "set_package_details");
    await storePackageDetails(trx, task.id, input);
    return packingTaskView(trx, task.id);
  });
}
