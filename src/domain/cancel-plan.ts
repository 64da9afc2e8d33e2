import type { Wish } from "./cancellation.ts";
import type { FulfillmentStatus } from "./machines.ts";

/** What an order's line still waits for. */
export interface BackorderedLine {
  id: bigint;
  listing_id: bigint;
  shortage_quantity: number;
}

/** Stock held for a line that no picker was sent for. */
export interface HeldUnits {
  id: bigint;
  listing_id: bigint;
  order_item_id: bigint;
  open_quantity: number;
}

/** A line on a picking task. */
export interface TaskUnits {
  task_id: bigint;
  listing_id: bigint;
  order_item_id: bigint;
  reservation_id: bigint;
  fulfillment_status: FulfillmentStatus;
  open_quantity: number;
  quantity_picked: number;
  /** Of the line on this task, all its items together: picked units that lie in no parcel yet. */
  unpacked_quantity: number;
}

export interface CancelPlan<Item extends TaskUnits> {
  lines: { id: bigint; put_back: number; cancelled: number }[];
  releases: { reservation_id: bigint; quantity: number }[];
  items: { item: Item; required: number; picked: number }[];
  granted: { id: bigint; quantity: number }[];
}

/** Goods can be taken back out until a parcel is closed. */
const STILL_OPEN: readonly FulfillmentStatus[] = ["picking", "picked", "packing"];

/**
 * Which units go when a customer cancels some of an order: those that still wait, then those held for it, then those on
 * a picker's list, and only then goods already picked. What is packed or shipped stays; the wish is granted in part.
 */
export function planCancellation<Item extends TaskUnits>(
  wishes: readonly Wish[],
  lines: readonly BackorderedLine[],
  held: readonly HeldUnits[],
  items: readonly Item[],
): CancelPlan<Item> {
  const plan: CancelPlan<Item> = { lines: [], releases: [], items: [], granted: [] };
  const pools = Map.groupBy(unitPools(plan, lines, held, items).toReversed(), (pool) => pool.listing_id);
  for (const wish of wishes) {
    const wanted = wish.quantity - wish.applied_quantity;
    const taken = takeUnits(pools.get(wish.listing_id) ?? [], wanted);
    if (taken > 0) plan.granted.push({ id: wish.id, quantity: taken });
  }
  return plan;
}

/** From the last pool first. One that is used up fills no more, and goes: an order may have ten thousand of them. */
function takeUnits(pools: Pool[], wanted: number): number {
  let open = wanted;
  for (let next = pools.at(-1); next && open > 0; next = pools.at(-1)) {
    const units = Math.max(0, Math.min(open, next.units()));
    if (units > 0) next.take(units);
    open -= units;
    if (next.units() <= 0) pools.pop();
  }
  return wanted - open;
}

interface Pool {
  listing_id: bigint;
  units(): number;
  take(units: number): void;
}

/** Where units can be taken from, in the order in which they go. */
function unitPools<Item extends TaskUnits>(
  plan: CancelPlan<Item>,
  lines: readonly BackorderedLine[],
  held: readonly HeldUnits[],
  items: readonly Item[],
): Pool[] {
  const unpacked = new Map(items.map((item) => [parcelKey(item), item.unpacked_quantity]));
  return [
    ...lines.map((line) =>
      pool(line.listing_id, line.shortage_quantity, (units) =>
        plan.lines.push({ id: line.id, put_back: 0, cancelled: units }),
      ),
    ),
    ...held.map((row) =>
      pool(row.listing_id, row.open_quantity, (units) => {
        plan.releases.push({ reservation_id: row.id, quantity: units });
        plan.lines.push({ id: row.order_item_id, put_back: 0, cancelled: units });
      }),
    ),
    ...items.map((item) =>
      pool(item.listing_id, item.open_quantity, (units) => {
        plan.releases.push({ reservation_id: item.reservation_id, quantity: units });
        plan.items.push({ item, required: units, picked: 0 });
        plan.lines.push({ id: item.order_item_id, put_back: 0, cancelled: units });
      }),
    ),
    ...items
      .filter((item) => STILL_OPEN.includes(item.fulfillment_status))
      .map((item) => pickedPool(plan, item, unpacked)),
  ];
}

function pool(listing_id: bigint, start: number, note: (units: number) => void): Pool {
  let left = start;
  return {
    listing_id,
    units: () => left,
    take(units) {
      left -= units;
      note(units);
    },
  };
}

/** Picked units of one item; what lies in no parcel yet bounds all items of its line together. */
function pickedPool<Item extends TaskUnits>(
  plan: CancelPlan<Item>,
  item: Item,
  unpacked: Map<string, number>,
): Pool {
  let left = item.quantity_picked;
  const key = parcelKey(item);
  const outside = () => unpacked.get(key) ?? 0;
  return {
    listing_id: item.listing_id,
    units: () => Math.min(left, outside()),
    take(units) {
      left -= units;
      unpacked.set(key, outside() - units);
      plan.items.push({ item, required: units, picked: units });
      plan.lines.push({ id: item.order_item_id, put_back: units, cancelled: units });
    },
  };
}

function parcelKey(item: TaskUnits): string {
  return `${item.task_id}/${item.order_item_id}`;
}
