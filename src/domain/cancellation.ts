/** A line of an order, as far as cancelling some of it goes. */
export interface CancelledLine {
  listing_id: bigint;
  quantity: number;
  cancelled_quantity: number;
}

export interface Wish {
  id: bigint;
  listing_id: bigint;
  quantity: number;
  applied_quantity: number;
}

/**
 * Takes the wished units off the lines of their listings, the last line first; says how much of each wish could be
 * granted. Nothing goes below zero: a wish for more than was ordered is granted in part.
 */
export function subtractWishes(
  lines: readonly CancelledLine[],
  wishes: readonly Wish[],
): { id: bigint; quantity: number }[] {
  return wishes
    .map((wish) => {
      let open = wish.quantity - wish.applied_quantity;
      for (const line of lines.toReversed()) {
        if (line.listing_id !== wish.listing_id) continue;
        const units = Math.min(open, line.quantity - line.cancelled_quantity);
        line.cancelled_quantity += units;
        open -= units;
      }
      return { id: wish.id, quantity: wish.quantity - wish.applied_quantity - open };
    })
    .filter((granted) => granted.quantity > 0);
}
