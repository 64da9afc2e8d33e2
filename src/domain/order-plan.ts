import { type Allocation, allocate, type Demand, type StockBook } from "./allocation.ts";
import type { CancelledLine } from "./cancellation.ts";
import type { ConfirmedOrder } from "./order-event.ts";

export interface IncomingOrder extends ConfirmedOrder {
  /** Its cancellation came first and wins: the lines are kept for the record and nothing is promised. */
  cancelled: boolean;
}

export interface PlannedLine extends CancelledLine {
  order_id: bigint;
  line_number: number;
  warehouse_id: bigint | null;
  allocated_quantity: number;
}

/** What becomes of an order with the stock that there is. */
export interface PlannedOrder {
  order: IncomingOrder;
  lines: PlannedLine[];
  allocations: Allocation<PlannedLine>[];
  shortages: { key: PlannedLine; quantity: number }[];
  /** Its policy is to go whole or not at all, and it can't go whole. */
  rejected: boolean;
}

/** What orders wait for, per listing and (for pinned lines) warehouse. */
export interface WaitingUnits {
  listing_id: bigint;
  /** null: of any warehouse. */
  warehouse_id: bigint | null;
  quantity: number;
}

/** Units of a lot that an order held. */
export interface HeldUnits {
  order_id: bigint;
  listing_id: bigint;
  product_location_id: bigint;
  quantity: number;
}

/** Units on the book that are kept for those who held them, by order. */
export type KeptUnits = ReadonlyMap<bigint, ReturnType<StockBook["takeFrom"]>>;

/**
 * Takes off the book what was held, before anybody else is served from it: not even those who wait longer have a claim
 * to it. Each order gets its own back when it is its turn.
 */
export function keepForHolders(book: StockBook, held: readonly HeldUnits[]): KeptUnits {
  const byOrder = Map.groupBy(held, ({ order_id }) => order_id);
  const keep = ({ listing_id, product_location_id, quantity }: HeldUnits) =>
    book.takeFrom(listing_id, product_location_id, quantity);
  return new Map([...byOrder].map(([order_id, units]) => [order_id, units.flatMap(keep)]));
}

/**
 * What older orders wait for is not for newcomers, even when a sweep has not served them yet; only what an order held is
 * its own before theirs, and what it leaves of that is theirs again.
 */
export function planOrders(
  book: StockBook,
  orders: readonly { order: IncomingOrder; lines: PlannedLine[] }[],
  { kept, waiting }: { kept: KeptUnits; waiting: readonly WaitingUnits[] },
): PlannedOrder[] {
  let unserved = setAside(book, waiting);
  return orders.map(({ order, lines }) => {
    const own = kept.get(order.order_id) ?? [];
    book.giveBack(own);
    const plan = planOrder(book, order, lines);
    if (own.length > 0) unserved = setAside(book, unserved);
    return plan;
  });
}

/** Takes what others wait for off the book. Returns what it can't give them. */
export function setAside(book: StockBook, waiting: readonly WaitingUnits[]): WaitingUnits[] {
  return waiting.flatMap((units) => {
    const { shortages } = allocate(book, [{ key: units, ...units }]);
    return shortages.map(({ key, quantity }) => ({ ...key, quantity }));
  });
}

function planOrder(book: StockBook, order: IncomingOrder, lines: PlannedLine[]): PlannedOrder {
  const demands: Demand<PlannedLine>[] = lines
    .filter((line) => line.quantity > line.cancelled_quantity)
    .map((line) => ({
      key: line,
      listing_id: line.listing_id,
      quantity: line.quantity - line.cancelled_quantity,
      warehouse_id: line.warehouse_id,
    }));
  const { allocations, shortages } = allocate(book, demands);
  const rejected = order.policy === "reject" && shortages.length > 0;
  if (rejected) {
    book.giveBack(allocations);
    for (const line of lines) line.cancelled_quantity = line.quantity;
    return { order, lines, allocations: [], shortages, rejected };
  }
  for (const { key, quantity } of allocations) key.allocated_quantity += quantity;
  return { order, lines, allocations, shortages, rejected };
}
