import { DomainError } from "./errors.ts";
import { chargeableWeight, type Dimensions, volumetricWeight } from "./parcel.ts";

export interface PackedItem {
  id: bigint;
  listing_id: bigint;
  quantity: number;
  packed_quantity: number;
}

/** How much of the item is packed after `quantity` more units; QUANTITY_EXCEEDED beyond what was picked. */
export function packUnits(item: PackedItem, quantity: number): number {
  const remaining = item.quantity - item.packed_quantity;
  if (quantity <= remaining) return item.packed_quantity + quantity;
  throw new DomainError(
    "QUANTITY_EXCEEDED",
    `packing item ${item.id} has ${remaining} of ${item.quantity} units left to pack, not ${quantity}`,
    { item_id: item.id, listing_id: item.listing_id, requested: quantity, remaining },
  );
}

/**
 * Nothing is left behind: a packer who counts units into the parcel must have counted all of them. One who counts none
 * states with the closing of the parcel that everything is in it.
 */
export function assertAllPacked(task_id: bigint, items: readonly PackedItem[]): void {
  if (items.every((item) => item.packed_quantity === 0)) return;
  const open = items.filter((item) => item.packed_quantity < item.quantity);
  if (open.length === 0) return;
  const named = open.map(
    (item) => `item ${item.id} (listing ${item.listing_id}) ${item.packed_quantity} of ${item.quantity}`,
  );
  throw new DomainError(
    "ITEMS_UNPACKED",
    `packing task ${task_id} leaves units behind: ${named.join(", ")}`,
    {
      task_id,
      unpacked: open.map((item) => item.id).join(","),
    },
  );
}

export type Measures = { [K in keyof Dimensions]: number | null };

/** A parcel's measures, or DIMENSIONS_MISSING. */
export function measured(task_id: bigint, { weight, length, width, height }: Measures): Dimensions {
  if (weight !== null && length !== null && width !== null && height !== null)
    return { weight, length, width, height };
  throw new DomainError(
    "DIMENSIONS_MISSING",
    `packing task ${task_id} has no measures: set weight, length, width and height, or add measured packages`,
    { task_id },
  );
}

/** Volumetric and chargeable weight of a task: of its packages, or of its own measures when it has none. 0: not measured. */
export function parcelWeights(task: Measures, packages: readonly Dimensions[]) {
  const { weight, length, width, height } = task;
  const own = weight !== null && length !== null && width !== null && height !== null;
  const boxes = packages.length > 0 || !own ? packages : [{ weight, length, width, height }];
  return {
    volumetric_weight: sum(boxes.map(volumetricWeight)),
    chargeable_weight: sum(boxes.map(chargeableWeight)),
  };
}

/** Rounded to the gram: binary fractions must not show. */
function sum(weights: readonly number[]): number {
  return Math.round(weights.reduce((total, weight) => total + weight, 0) * 1000) / 1000;
}
