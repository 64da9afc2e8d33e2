import { DomainError } from "./errors.ts";
import { type PickingTaskItemStatus, type PickingTaskStatus, pickingTaskItemMachine } from "./machines.ts";
import { transition } from "./state-machine.ts";

/** A picking item as far as picking it goes. */
export interface PickableItem {
  id: bigint;
  task_id: bigint;
  status: PickingTaskItemStatus;
  quantity_required: number;
  quantity_picked: number;
  /** What its reservation still holds: the units that can be picked. 0 once the missing ones were given up. */
  open_quantity: number;
  location_code: string;
  location_barcode: string;
  sku: string;
  barcodes: readonly string[];
}

/** What a picker states: so many units taken, and by `short_reason` that the rest is not there. */
export interface Pick {
  quantity: number;
  location_barcode?: string | undefined;
  item_barcode?: string | undefined;
  short_reason?: string | undefined;
}

export interface PickVerdict {
  picked: number;
  status: "picked" | "short";
  /** Units that the picker says are not there. */
  missing: number;
}

/** What a pick makes of an item, or why it is refused. The task is in progress and the actor's to touch. */
export function decidePick(item: PickableItem, pick: Pick): PickVerdict {
  transition(pickingTaskItemMachine, item.status, "pick", item.id);
  if (pick.location_barcode !== undefined) checkLocation(item, pick.location_barcode);
  if (pick.item_barcode !== undefined) checkListing(item, pick.item_barcode);
  const remaining = item.open_quantity;
  if (pick.quantity > remaining || remaining === 0) throw exceeded(item, pick.quantity);
  const rest = remaining - pick.quantity;
  const missing = pick.short_reason === undefined ? 0 : rest;
  return { picked: pick.quantity, status: rest === 0 ? "picked" : "short", missing };
}

/** Items can be handled only while their task is being picked. */
export function assertInProgress(task: { id: bigint; status: PickingTaskStatus }, action: string): void {
  if (task.status === "in_progress") return;
  throw new DomainError(
    "ILLEGAL_TRANSITION",
    `picking task ${task.id} is ${task.status}: to ${action} it needs to be in_progress`,
    {
      resource: "picking_task",
      id: task.id,
      from: task.status,
      to: "in_progress",
      allowed_from: "in_progress",
    },
  );
}

/** A task ends when every item was handled. */
export function assertAllHandled(
  task_id: bigint,
  items: readonly { id: bigint; status: PickingTaskItemStatus }[],
): void {
  const pending = items.filter((item) => item.status === "pending");
  if (pending.length === 0) return;
  const noun = pending.length === 1 ? "item is" : "items are";
  throw new DomainError(
    "ITEMS_PENDING",
    `${pending.length} of ${items.length} ${noun} still pending in picking task ${task_id}: pick or skip each, then complete it`,
    { task_id, pending: pending.length, items: items.length },
  );
}

/** Where to walk next: the pending item with the lowest sequence. */
export function nextItem<Item extends { status: PickingTaskItemStatus; sequence: number }>(
  items: readonly Item[],
): Item | undefined {
  let next: Item | undefined;
  for (const item of items)
    if (item.status === "pending" && (next === undefined || item.sequence < next.sequence)) next = item;
  return next;
}

function exceeded(item: PickableItem, requested: number): DomainError {
  const { id, quantity_required: required, quantity_picked: picked, open_quantity: remaining } = item;
  const rest =
    remaining === 0
      ? "the units that were missing were given up, so nothing of it is left to pick"
      : `${remaining} remain, so ${requested} can't be picked`;
  return new DomainError(
    "QUANTITY_EXCEEDED",
    `picking item ${id} has ${picked} of ${required} units picked: ${rest}`,
    {
      item_id: id,
      requested,
      required,
      picked,
      remaining,
    },
  );
}

function checkLocation(item: PickableItem, scanned: string): void {
  if (same(scanned, item.location_barcode) || same(scanned, item.location_code)) return;
  throw wrongBarcode(item, "location", item.location_barcode, scanned);
}

function checkListing(item: PickableItem, scanned: string): void {
  if (same(scanned, item.sku) || item.barcodes.some((barcode) => same(scanned, barcode))) return;
  throw wrongBarcode(item, "item", [...item.barcodes, item.sku].join(" or "), scanned);
}

/** Scanners and label printers disagree about case and blanks, never about anything else. */
function same(scanned: string, expected: string): boolean {
  return scanned.trim().toLowerCase() === expected.trim().toLowerCase();
}

function wrongBarcode(
  item: PickableItem,
  kind: "location" | "item",
  expected: string,
  scanned: string,
): DomainError {
  return new DomainError(
    "WRONG_BARCODE",
    `picking item ${item.id} needs the ${kind} barcode ${expected}, but "${scanned}" was scanned`,
    { item_id: item.id, kind, expected, scanned },
  );
}
