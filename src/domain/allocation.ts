import { chooseWarehouses } from "./warehouse-choice.ts";

/** What one lot (product location) can still promise. */
export interface Lot {
  id: bigint;
  listing_id: bigint;
  warehouse_id: bigint;
  location_id: bigint;
  available: number;
  received_at: Date;
  expires_on: string | null;
}

export type RemovalStrategy = "fifo" | "fefo" | "lifo";

/** Units wanted of one listing; with `warehouse_id` only that warehouse may serve them. */
export interface Demand<Key> {
  key: Key;
  listing_id: bigint;
  quantity: number;
  warehouse_id: bigint | null;
}

export interface Allocation<Key> {
  key: Key;
  lot: Lot;
  quantity: number;
}

export interface AllocationResult<Key> {
  allocations: Allocation<Key>[];
  shortages: { key: Key; quantity: number }[];
}

/**
 * The stock that one transaction has locked, kept as it is promised away. Every listing's lots stand in the order in
 * which they leave: FIFO by (received_at, id), FEFO by (expires_on, received_at, id), LIFO by the reverse of FIFO.
 */
export class StockBook {
  readonly #lots = new Map<bigint, Lot[]>();
  readonly #priority: ReadonlyMap<bigint, number>;

  constructor(
    lots: Iterable<Lot>,
    strategies: ReadonlyMap<bigint, RemovalStrategy>,
    warehousePriority: ReadonlyMap<bigint, number>,
  ) {
    for (const lot of lots) {
      const shelf = this.#lots.get(lot.listing_id);
      if (shelf) shelf.push({ ...lot });
      else this.#lots.set(lot.listing_id, [{ ...lot }]);
    }
    for (const [listing, shelf] of this.#lots) shelf.sort(removalOrder(strategies.get(listing) ?? "fifo"));
    this.#priority = warehousePriority;
  }

  available(listing_id: bigint, warehouse_id: bigint): number {
    let sum = 0;
    for (const lot of this.#lots.get(listing_id) ?? [])
      if (lot.warehouse_id === warehouse_id) sum += lot.available;
    return sum;
  }

  /** Warehouses that have any of these listings, in the order in which they are tried. */
  warehousesWith(listings: Iterable<bigint>): bigint[] {
    const found = new Set<bigint>();
    for (const listing of listings)
      for (const lot of this.#lots.get(listing) ?? []) if (lot.available > 0) found.add(lot.warehouse_id);
    return [...found].sort((a, b) => this.#rank(a) - this.#rank(b) || (a < b ? -1 : 1));
  }

  /** Takes up to `quantity` units, in removal order, and says from which lots. */
  take(listing_id: bigint, warehouse_id: bigint, quantity: number): { lot: Lot; quantity: number }[] {
    const taken: { lot: Lot; quantity: number }[] = [];
    for (const lot of this.#lots.get(listing_id) ?? []) {
      if (quantity === 0) break;
      if (lot.warehouse_id !== warehouse_id || lot.available === 0) continue;
      const units = Math.min(quantity, lot.available);
      lot.available -= units;
      quantity -= units;
      taken.push({ lot, quantity: units });
    }
    return taken;
  }

  /** Takes units of one lot, as far as the book has them: none of a lot that can't be promised. */
  takeFrom(listing_id: bigint, lot_id: bigint, quantity: number): { lot: Lot; quantity: number }[] {
    const lot = this.#lots.get(listing_id)?.find(({ id }) => id === lot_id);
    const units = Math.min(quantity, lot?.available ?? 0);
    if (!lot || units === 0) return [];
    lot.available -= units;
    return [{ lot, quantity: units }];
  }

  giveBack(taken: readonly { lot: Lot; quantity: number }[]): void {
    for (const { lot, quantity } of taken) lot.available += quantity;
  }

  #rank(warehouse_id: bigint): number {
    return this.#priority.get(warehouse_id) ?? Number.MAX_SAFE_INTEGER;
  }
}

/**
 * Serves one order from the book, as far as the stock goes. Lines that name a warehouse come from there; the others
 * from the fewest warehouses, by priority. Lines of one listing share the stock, so they are checked against their sum.
 */
export function allocate<Key>(book: StockBook, demands: readonly Demand<Key>[]): AllocationResult<Key> {
  const result: AllocationResult<Key> = { allocations: [], shortages: [] };
  const pinned = demands.filter((demand) => demand.warehouse_id !== null);
  const free = demands.filter((demand) => demand.warehouse_id === null);
  for (const demand of pinned) serve(book, demand, [demand.warehouse_id as bigint], result);
  const open = new Set(result.allocations.map((allocation) => allocation.lot.warehouse_id));
  const warehouses = chooseWarehouses(book, unitsPerListing(free), open);
  for (const demand of free) serve(book, demand, warehouses, result);
  return result;
}

function serve<Key>(
  book: StockBook,
  demand: Demand<Key>,
  warehouses: readonly bigint[],
  result: AllocationResult<Key>,
): void {
  let missing = demand.quantity;
  // A warehouse that can serve the whole line alone spares the customer a split line.
  const whole = warehouses.find((warehouse) => book.available(demand.listing_id, warehouse) >= missing);
  for (const warehouse of whole === undefined ? warehouses : [whole]) {
    for (const { lot, quantity } of book.take(demand.listing_id, warehouse, missing)) {
      result.allocations.push({ key: demand.key, lot, quantity });
      missing -= quantity;
    }
    if (missing === 0) return;
  }
  result.shortages.push({ key: demand.key, quantity: missing });
}

function unitsPerListing(demands: readonly Demand<unknown>[]): Map<bigint, number> {
  const units = new Map<bigint, number>();
  for (const { listing_id, quantity } of demands)
    units.set(listing_id, (units.get(listing_id) ?? 0) + quantity);
  return units;
}

function compareIds(a: Lot, b: Lot): number {
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

function compareAge(a: Lot, b: Lot): number {
  return a.received_at.getTime() - b.received_at.getTime() || compareIds(a, b);
}

function compareExpiry(a: Lot, b: Lot): number {
  if (a.expires_on === b.expires_on) return compareAge(a, b);
  if (a.expires_on === null) return 1; // never expires: last
  if (b.expires_on === null) return -1;
  return a.expires_on < b.expires_on ? -1 : 1; // ISO dates sort as text
}

/** The order in which a listing's lots leave the house. */
export function removalOrder(strategy: RemovalStrategy): (a: Lot, b: Lot) => number {
  if (strategy === "fefo") return compareExpiry;
  if (strategy === "lifo") return (a, b) => compareAge(b, a);
  return compareAge;
}
