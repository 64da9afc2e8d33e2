import type { Database } from "../../db/database.ts";
import { type Call, once } from "../../db/idempotency.ts";
import { addToPackage, listTaskPackages, type PackageRow, packageNotFound } from "../../db/packages.ts";
import { listPackingItems, type PackingItemRow, setPackedQuantity } from "../../db/packing.ts";
import { type PackingTaskView, packingTaskView } from "../../db/packing-views.ts";
import { DomainError, invalidField } from "../../domain/errors.ts";
import type { Actor } from "../../domain/ownership.ts";
import { packUnits } from "../../domain/packing.ts";
import { lockTaskInProgress } from "./lock-task.ts";

export interface PackItem {
  task_id: bigint;
  item_id: bigint;
  quantity: number;
  /** Not needed while the task has one box at most. */
  package_id?: bigint | undefined;
  actor: Actor;
}

/** Counts units of an item into the parcel. */
export async function packItem(db: Database, call: Call, input: PackItem): Promise<PackingTaskView> {
  return once(db, call, async (trx) => {
    const task = await lockTaskInProgress(trx, input, "pack_item");
    const item = findItem(await listPackingItems(trx, task.id), input);
    const box = chooseBox(await listTaskPackages(trx, task.id), input);
    await setPackedQuantity(trx, item.id, packUnits(item, input.quantity));
    if (box) await addToPackage(trx, box.id, item.id, input.quantity);
    return packingTaskView(trx, task.id);
  });
}

function findItem(items: readonly PackingItemRow[], { task_id, item_id }: PackItem): PackingItemRow {
  const item = items.find(({ id }) => id === item_id);
  if (item) return item;
  throw new DomainError("PACKING_TASK_ITEM_NOT_FOUND", `packing task ${task_id} has no item ${item_id}`, {
    task_id,
    item_id,
  });
}

function chooseBox(boxes: readonly PackageRow[], { task_id, package_id }: PackItem): PackageRow | undefined {
  if (package_id === undefined) {
    if (boxes.length > 1)
      throw invalidField("package_id", `is needed: packing task ${task_id} has ${boxes.length} packages`);
    return boxes[0];
  }
  const box = boxes.find(({ id }) => id === package_id);
  if (!box) throw packageNotFound(package_id, `packing task ${task_id}`);
  return box;
}
