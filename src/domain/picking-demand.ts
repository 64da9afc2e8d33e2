import { DomainError } from "./errors.ts";

/** Units that a caller wants picked. */
export interface WantedItem {
  listing_id: bigint;
  quantity: number;
}

/** An order line, as far as it waits for stock. */
export interface WaitingOrderLine {
  id: bigint;
  listing_id: bigint;
  warehouse_id: bigint | null;
  shortage_quantity: number;
}

export interface CoveredDemand<Line> {
  /** What the order waits for already is served first. */
  waiting: { line: Line; quantity: number }[];
  /** The rest becomes lines of the order. */
  added: WantedItem[];
}

/** Lays wanted units on the lines of their order that wait for them; what is left over is new. */
export function coverDemand<Line extends WaitingOrderLine>(
  wanted: readonly WantedItem[],
  lines: readonly Line[],
  warehouse_id: bigint,
): CoveredDemand<Line> {
  const open = new Map(lines.map((line) => [line, line.shortage_quantity]));
  const covered: CoveredDemand<Line> = { waiting: [], added: [] };
  for (const { listing_id, quantity } of wanted) {
    let left = quantity;
    for (const [line, units] of open) {
      const fits = line.listing_id === listing_id && (line.warehouse_id ?? warehouse_id) === warehouse_id;
      const taken = fits ? Math.min(left, units) : 0;
      if (taken === 0) continue;
      covered.waiting.push({ line, quantity: taken });
      open.set(line, units - taken);
      left -= taken;
    }
    if (left > 0) covered.added.push({ listing_id, quantity: left });
  }
  return covered;
}

/** Refuses unless everything was found; lines of one listing count as their sum. */
export function assertServed(
  warehouse_id: bigint,
  wanted: readonly WantedItem[],
  shortages: readonly WantedItem[],
): void {
  const [first] = shortages.filter((shortage) => shortage.quantity > 0);
  if (!first) return;
  const { listing_id } = first;
  const sum = (items: readonly WantedItem[]) =>
    items.reduce((units, item) => units + (item.listing_id === listing_id ? item.quantity : 0), 0);
  const requested = sum(wanted);
  const available = requested - sum(shortages);
  throw new DomainError(
    "INSUFFICIENT_STOCK",
    `listing ${listing_id}: ${requested} wanted, ${available} available in warehouse ${warehouse_id}; nothing was reserved`,
    { listing_id, warehouse_id, requested, available },
  );
}
