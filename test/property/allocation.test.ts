import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  allocate,
  type Demand,
  type Lot,
  type RemovalStrategy,
  removalOrder,
  StockBook,
} from "../../src/domain/allocation.ts";

const LISTINGS = [1n, 2n, 3n];
const WAREHOUSES = [10n, 20n, 30n];

const lotShape = fc.record({
  listing_id: fc.constantFrom(...LISTINGS),
  warehouse_id: fc.constantFrom(...WAREHOUSES),
  available: fc.integer({ min: 0, max: 8 }),
  received_at: fc.integer({ min: 0, max: 5 }).map((day) => new Date(Date.UTC(2026, 0, 1 + day))),
  expires_on: fc.option(fc.constantFrom("2030-01-01", "2030-02-01", "2030-03-01"), { nil: null }),
});
const lots = fc
  .array(lotShape, { maxLength: 20 })
  .map((shapes) =>
    shapes.map((shape, index): Lot => ({ ...shape, id: BigInt(index + 1), location_id: BigInt(index + 1) })),
  );
const demands = fc.array(
  fc.record({
    listing_id: fc.constantFrom(...LISTINGS),
    quantity: fc.integer({ min: 1, max: 12 }),
    warehouse_id: fc.option(fc.constantFrom(...WAREHOUSES), { nil: null }),
  }),
  { minLength: 1, maxLength: 6 },
);
const strategy = fc.constantFrom<RemovalStrategy>("fifo", "fefo", "lifo");

function bookOf(stock: readonly Lot[], kind: RemovalStrategy): StockBook {
  const strategies = new Map(LISTINGS.map((listing) => [listing, kind]));
  return new StockBook(stock, strategies, new Map(WAREHOUSES.map((warehouse, rank) => [warehouse, rank])));
}

function keyed(shapes: readonly Omit<Demand<number>, "key">[]): Demand<number>[] {
  return shapes.map((shape, key) => ({ ...shape, key }));
}

describe("allocate", () => {
  it("promises each line its units or names what is missing, and no lot more than it has", () => {
    fc.assert(
      fc.property(lots, demands, strategy, (stock, shapes, kind) => {
        const wanted = keyed(shapes);
        const { allocations, shortages } = allocate(bookOf(stock, kind), wanted);
        for (const demand of wanted) {
          const got = allocations.filter(({ key }) => key === demand.key);
          const missing = shortages.filter(({ key }) => key === demand.key);
          const units = [...got, ...missing].reduce((sum, part) => sum + part.quantity, 0);
          expect(units).toBe(demand.quantity);
          for (const { lot } of got) {
            expect(lot.listing_id).toBe(demand.listing_id);
            if (demand.warehouse_id !== null) expect(lot.warehouse_id).toBe(demand.warehouse_id);
          }
        }
        for (const lot of stock) {
          const taken = allocations
            .filter((part) => part.lot.id === lot.id)
            .reduce((sum, part) => sum + part.quantity, 0);
          expect(taken).toBeLessThanOrEqual(lot.available);
        }
      }),
    );
  });

  it("never takes from a lot while one that leaves before it, in the same warehouse, has units to spare", () => {
    fc.assert(
      fc.property(lots, demands, strategy, (stock, shapes, kind) => {
        const { allocations } = allocate(bookOf(stock, kind), keyed(shapes));
        const order = removalOrder(kind);
        const left = new Map(stock.map((lot) => [lot.id, lot.available]));
        for (const { lot, quantity } of allocations) left.set(lot.id, (left.get(lot.id) ?? 0) - quantity);
        for (const { lot } of allocations)
          for (const other of stock)
            if (
              other.listing_id === lot.listing_id &&
              other.warehouse_id === lot.warehouse_id &&
              order(other, lot) < 0
            )
              expect(left.get(other.id)).toBe(0);
      }),
    );
  });

  it("leaves nothing missing that the eligible warehouses have", () => {
    fc.assert(
      fc.property(lots, demands, strategy, (stock, shapes, kind) => {
        const wanted = keyed(shapes);
        const { allocations, shortages } = allocate(bookOf(stock, kind), wanted);
        for (const { key } of shortages) {
          const demand = wanted[key] as Demand<number>;
          const eligible = stock.filter(
            (lot) =>
              lot.listing_id === demand.listing_id &&
              (demand.warehouse_id === null || demand.warehouse_id === lot.warehouse_id),
          );
          const have = eligible.reduce((sum, lot) => sum + lot.available, 0);
          const taken = allocations
            .filter((part) => eligible.some((lot) => lot.id === part.lot.id))
            .reduce((sum, part) => sum + part.quantity, 0);
          expect(taken).toBe(have);
        }
      }),
    );
  });

  it("uses as few warehouses as can serve the order", () => {
    fc.assert(
      fc.property(lots, demands, (stock, shapes) => {
        const wanted = keyed(shapes.map((shape) => ({ ...shape, warehouse_id: null })));
        const { allocations, shortages } = allocate(bookOf(stock, "fifo"), wanted);
        if (shortages.length > 0) return;
        const used = new Set(allocations.map(({ lot }) => lot.warehouse_id));
        const single = WAREHOUSES.filter((warehouse) =>
          LISTINGS.every((listing) => {
            const units = wanted
              .filter((d) => d.listing_id === listing)
              .reduce((sum, d) => sum + d.quantity, 0);
            return bookOf(stock, "fifo").available(listing, warehouse) >= units;
          }),
        );
        if (single.length > 0) expect([...used]).toEqual([single[0]]);
      }),
    );
  });
});
