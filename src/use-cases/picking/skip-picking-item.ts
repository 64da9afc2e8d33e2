import type { Database } from "../../db/database.ts";
import { type Call, once } from "../../db/idempotency.ts";
import {
  listPickingItems,
  lockPickingTask,
  pickingItemNotFound,
  setItemSkipped,
} from "../../db/picking-tasks.ts";
import { type PickAnswer, pickingTaskView } from "../../db/picking-views.ts";
import { pickingTaskItemMachine } from "../../domain/machines.ts";
import { type Actor, assertOwnTask } from "../../domain/ownership.ts";
import { assertInProgress, nextItem } from "../../domain/picking.ts";
import { transition } from "../../domain/state-machine.ts";

/** The picker leaves an item where it is. Its units stay reserved until the task is completed. */
export async function skipPickingItem(
  db: Database,
  call: Call,
  { task_id, item_id, reason, actor }: { task_id: bigint; item_id: bigint; reason: string; actor: Actor },
): Promise<PickAnswer> {
  return once(db, call, async (trx) => {
    const task = await lockPickingTask(trx, task_id);
    assertInProgress(task, "skip an item");
    assertOwnTask(actor, task);
    const item = (await listPickingItems(trx, [task_id])).find((candidate) => candidate.id === item_id);
    if (!item) throw pickingItemNotFound(task_id, item_id);
    transition(pickingTaskItemMachine, item.status, "skip", item_id);
    await setItemSkipped(trx, { id: item_id, task_id, handled: item.status === "pending" }, reason);
    const view = await pickingTaskView(trx, task_id);
    return { task: view, item_id, next_item_id: nextItem(view.items)?.id ?? null, replacement_ids: [] };
  });
}
