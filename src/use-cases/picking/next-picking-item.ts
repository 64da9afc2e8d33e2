import type { Database } from "../../db/database.ts";
import type { PickingItemRow } from "../../db/picking-tasks.ts";
import { pickingTaskView } from "../../db/picking-views.ts";
import { DomainError } from "../../domain/errors.ts";
import { type Actor, assertOwnTask } from "../../domain/ownership.ts";
import { assertInProgress, nextItem } from "../../domain/picking.ts";

/** Where the picker goes next. Changes nothing, so it promises nothing either. */
export async function nextPickingItem(
  db: Database,
  { task_id, actor }: { task_id: bigint; actor: Actor },
): Promise<PickingItemRow> {
  const task = await pickingTaskView(db, task_id);
  assertInProgress(task, "walk on");
  assertOwnTask(actor, task);
  const next = nextItem(task.items);
  if (next) return next;
  throw new DomainError(
    "NO_ITEM_LEFT",
    `picking task ${task_id} has no pending item left (${task.picked_items} of ${task.total_items} handled): complete it`,
    { task_id },
  );
}
