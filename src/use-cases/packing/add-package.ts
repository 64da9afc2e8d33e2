import type { Database } from "../../db/database.ts";
import { type Call, once } from "../../db/idempotency.ts";
import { addTaskPackage, type NewPackage } from "../../db/packages.ts";
import { type PackingTaskView, packingTaskView } from "../../db/packing-views.ts";
import type { Actor } from "../../domain/ownership.ts";
import { lockTaskInProgress } from "./lock-task.ts";

/** Adds a measured box to the parcel, as its next one. */
export async function addPackage(
  db: Database,
  call: Call,
  { box, ...input }: { task_id: bigint; actor: Actor; box: NewPackage },
): Promise<PackingTaskView> {
  return once(db, call, async (trx) => {
    const task = await lockTaskInProgress(trx, input, "add_package");
    await addTaskPackage(trx, task.id, box);
    return packingTaskView(trx, task.id);
  });
}
