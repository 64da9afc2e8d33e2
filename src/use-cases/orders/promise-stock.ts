import { insertReservations } from "../../db/reservations.ts";
import type { Transaction } from "../../db/transaction.ts";
import type { Allocation } from "../../domain/allocation.ts";
import { type DomainEvent, event } from "../../domain/events.ts";

/** An order line, as far as a promise of stock needs it. */
export interface PromisedLine {
  id: bigint;
  order_id: bigint;
}

/** Writes what was allocated as reservations of the order lines. Returns inventory.reserved, one a listing and warehouse. */
export async function promiseStock(
  trx: Transaction,
  allocations: readonly Allocation<PromisedLine>[],
): Promise<DomainEvent[]> {
  const rows = allocations.map(({ key, lot, quantity }) => ({
    listing_id: lot.listing_id,
    warehouse_id: lot.warehouse_id,
    order_id: key.order_id,
    order_item_id: key.id,
    product_location_id: lot.id,
    quantity,
  }));
  await insertReservations(trx, rows);
  return stockEvents("inventory.reserved", rows, {});
}

interface StockChange {
  listing_id: bigint;
  warehouse_id: bigint;
  order_id: bigint;
  quantity: number;
}

/** Sums changes per order, listing and warehouse: a subscriber counts units, not lots. */
export function stockEvents(
  type: "inventory.reserved" | "inventory.released",
  changes: readonly StockChange[],
  extra: { reason?: string },
): DomainEvent[] {
  const sums = new Map<string, StockChange>();
  for (const change of changes) {
    const key = `${change.order_id}/${change.listing_id}/${change.warehouse_id}`;
    const sum = sums.get(key);
    if (sum) sum.quantity += change.quantity;
    else sums.set(key, { ...change });
  }
  return [...sums.values()].map(({ listing_id, warehouse_id, order_id, quantity }) =>
    event(type, { listing_id, warehouse_id, quantity, order_id, ...extra }),
  );
}
