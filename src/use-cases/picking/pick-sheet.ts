import {
  type LockedPickingTask,
  type PickingItemRow,
  pickingItemNotFound,
  pickingTaskNotFound,
} from "../../db/picking-tasks.ts";
import type { PickAnswer, PickingTaskView } from "../../db/picking-views.ts";
import type { PickWrite } from "../../db/picking-writes.ts";
import { type DomainEvent, event } from "../../domain/events.ts";
import { assertOwnTask } from "../../domain/ownership.ts";
import { assertInProgress, decidePick, nextItem, type PickVerdict } from "../../domain/picking.ts";
import type { PickRequest } from "./pick-request.ts";

/**
 * The tasks that one transaction has locked, as its picks change them one after another. Rows are replaced and never
 * changed, so that each answer keeps showing what its pick has left behind.
 */
export class PickSheet {
  readonly writes: PickWrite[] = [];
  readonly events: DomainEvent[] = [];
  readonly #tasks = new Map<bigint, { task: PickingTaskView; now: Date }>();

  constructor(locked: readonly LockedPickingTask[], items: readonly PickingItemRow[]) {
    const itemsOf = Map.groupBy(items, (item) => item.task_id);
    for (const { now, ...task } of locked)
      this.#tasks.set(task.id, { task: { ...task, items: itemsOf.get(task.id) ?? [] }, now });
  }

  has(task_id: bigint): boolean {
    return this.#tasks.has(task_id);
  }

  /** Takes a pick without a shortage: notes what is to be written and told, and answers as things stand after it. */
  take(request: PickRequest): PickAnswer {
    const { task, item, verdict, now } = this.decide(request);
    this.note(task, item, verdict, null);
    const items = task.items.map((other) => (other === item ? afterPick(item, verdict, now) : other));
    const picked_items = task.picked_items + (item.status === "pending" ? 1 : 0);
    const after = { ...task, items, picked_items, updated_at: now };
    this.#tasks.set(task.id, { task: after, now });
    return { task: after, item_id: item.id, next_item_id: nextItem(items)?.id ?? null, replacement_ids: [] };
  }

  /** The verdict on a pick. Throws what it is refused for; either way nothing has changed. */
  decide({ actor, task_id, item_id, pick }: PickRequest) {
    const entry = this.#tasks.get(task_id);
    if (!entry) throw pickingTaskNotFound(task_id);
    assertInProgress(entry.task, "pick an item");
    assertOwnTask(actor, entry.task);
    const item = entry.task.items.find((candidate) => candidate.id === item_id);
    if (!item) throw pickingItemNotFound(task_id, item_id);
    return { ...entry, item, verdict: decidePick(item, pick) };
  }

  /** What a decided pick writes and tells. */
  note(task: PickingTaskView, item: PickingItemRow, verdict: PickVerdict, note: string | null): void {
    const { order_id, warehouse_id, worker_id } = task;
    const { picked: quantity, status } = verdict;
    this.writes.push({
      item,
      order_id,
      warehouse_id,
      quantity,
      status,
      handled: item.status === "pending",
      note,
    });
    if (quantity === 0) return;
    this.events.push(
      event("picking.item_picked", {
        task_id: task.id,
        order_id,
        warehouse_id,
        worker_id,
        item_id: item.id,
        listing_id: item.listing_id,
        product_location_id: item.product_location_id,
        quantity,
        quantity_picked: item.quantity_picked + quantity,
        quantity_required: item.quantity_required,
      }),
    );
  }
}

function afterPick(item: PickingItemRow, verdict: PickVerdict, now: Date): PickingItemRow {
  return {
    ...item,
    quantity_picked: item.quantity_picked + verdict.picked,
    open_quantity: item.open_quantity - verdict.picked,
    status: verdict.status,
    picked_at: now,
  };
}
