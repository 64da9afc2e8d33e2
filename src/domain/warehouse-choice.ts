/** What the choice needs to know of the stock. */
export interface Shelves {
  available(listing_id: bigint, warehouse_id: bigint): number;
  warehousesWith(listings: Iterable<bigint>): bigint[];
}

/** Exhaustive search stays below a few hundred subsets; above it, greedy is close enough. */
const EXHAUSTIVE_LIMIT = 8;

/**
 * The fewest warehouses that together have all the units, tried by priority; `open` ones send a parcel anyway and so
 * count for nothing. When even all of them fall short, all are named, so that what is there can be promised.
 */
export function chooseWarehouses(
  shelves: Shelves,
  units: ReadonlyMap<bigint, number>,
  open: ReadonlySet<bigint>,
): bigint[] {
  const candidates = shelves.warehousesWith(units.keys());
  const free = candidates.filter((warehouse) => open.has(warehouse));
  const rest = candidates.filter((warehouse) => !open.has(warehouse));
  const covers = (chosen: readonly bigint[]) => covered(shelves, units, chosen);
  if (covers(free)) return free;
  if (!covers(candidates)) return [...free, ...rest];
  const added =
    rest.length <= EXHAUSTIVE_LIMIT
      ? smallestCover(free, rest, covers)
      : greedyCover(shelves, units, free, rest);
  return [...free, ...added];
}

function covered(shelves: Shelves, units: ReadonlyMap<bigint, number>, chosen: readonly bigint[]): boolean {
  for (const [listing, quantity] of units) {
    let have = 0;
    for (const warehouse of chosen) have += shelves.available(listing, warehouse);
    if (have < quantity) return false;
  }
  return true;
}

function smallestCover(
  free: readonly bigint[],
  rest: readonly bigint[],
  covers: (chosen: readonly bigint[]) => boolean,
): bigint[] {
  for (let size = 1; size < rest.length; size++)
    for (const subset of subsets(rest, size)) if (covers([...free, ...subset])) return subset;
  return [...rest];
}

/** Subsets of one size, in the order of their members: the best priorities first. */
function* subsets<T>(items: readonly T[], size: number, from = 0): Generator<T[]> {
  if (size === 0) {
    yield [];
    return;
  }
  for (let at = from; at <= items.length - size; at++)
    for (const tail of subsets(items, size - 1, at + 1)) yield [items[at] as T, ...tail];
}

function greedyCover(
  shelves: Shelves,
  units: ReadonlyMap<bigint, number>,
  free: readonly bigint[],
  rest: readonly bigint[],
): bigint[] {
  const missing = new Map(units);
  const chosen: bigint[] = [];
  const left = [...rest];
  const use = (warehouse: bigint) => {
    for (const [listing, quantity] of missing)
      missing.set(listing, Math.max(0, quantity - shelves.available(listing, warehouse)));
  };
  const gain = (warehouse: bigint) => {
    let sum = 0;
    for (const [listing, quantity] of missing)
      sum += Math.min(quantity, shelves.available(listing, warehouse));
    return sum;
  };
  free.forEach(use);
  while (left.length > 0 && [...missing.values()].some((quantity) => quantity > 0)) {
    const best = left.reduce((a, b) => (gain(b) > gain(a) ? b : a));
    left.splice(left.indexOf(best), 1);
    if (gain(best) === 0) continue;
    use(best);
    chosen.push(best);
  }
  return chosen;
}
