import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Lot, StockBook } from "../../src/domain/allocation.ts";
import { type IncomingOrder, keepForHolders, planOrders } from "../../src/domain/order-plan.ts";
import type { OrderPolicy } from "../../src/domain/vocabulary.ts";

const LISTING = 1n;
const WAREHOUSES = [1n, 2n];

interface Story {
  /** Units on the shelf, once all holds are released: so many of each lot were held by the first order. */
  lots: { available: number; held: number; warehouse: bigint }[];
  waiting: { quantity: number; warehouse_id: bigint | null }[];
  /** Units that the orders want, in turn; the first one holds. */
  wanted: number[];
  policy: OrderPolicy;
}

const units = fc.integer({ min: 0, max: 9 });
const warehouse = fc.constantFrom(...WAREHOUSES);
const stories: fc.Arbitrary<Story> = fc.record({
  lots: fc.array(
    fc
      .record({ available: units, held: units, warehouse })
      .map((lot) => ({ ...lot, held: Math.min(lot.held, lot.available) })),
    { minLength: 1, maxLength: 5 },
  ),
  waiting: fc.array(
    fc.record({ quantity: fc.integer({ min: 1, max: 9 }), warehouse_id: fc.option(warehouse) }),
    {
      maxLength: 3,
    },
  ),
  wanted: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 4 }),
  policy: fc.constantFrom("backorder", "partial", "reject"),
});

function lotOf({ available, warehouse }: Story["lots"][number], nth: number): Lot {
  const received_at = new Date(nth * 1_000);
  return {
    id: BigInt(nth + 1),
    listing_id: LISTING,
    warehouse_id: warehouse,
    location_id: 1n,
    available,
    received_at,
    expires_on: null,
  };
}

function incoming(nth: number, quantity: number, policy: OrderPolicy) {
  const order_id = BigInt(nth + 1);
  const item = { listing_id: LISTING, quantity, warehouse_id: null };
  const line = { ...item, order_id, line_number: 1, cancelled_quantity: 0, allocated_quantity: 0 };
  const order = { order_id, policy, items: [item], cancelled: false } as unknown as IncomingOrder;
  return { order, lines: [line] };
}

function planOf({ lots, waiting, wanted, policy }: Story) {
  const book = new StockBook(lots.map(lotOf), new Map(), new Map());
  const held = lots.map((lot, nth) => ({
    order_id: 1n,
    listing_id: LISTING,
    product_location_id: BigInt(nth + 1),
    quantity: lot.held,
  }));
  const kept = keepForHolders(book, held);
  const orders = wanted.map((quantity, nth) => incoming(nth, quantity, policy));
  const plans = planOrders(book, orders, {
    kept,
    waiting: waiting.map((one) => ({ ...one, listing_id: LISTING })),
  });
  const rest = WAREHOUSES.reduce((sum, id) => sum + book.available(LISTING, id), 0);
  const given = plans.map((plan) => plan.allocations.reduce((sum, { quantity }) => sum + quantity, 0));
  return { plans, given, rest };
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);

describe("planning orders", () => {
  it("gives whoever held stock as much of it as he wants, whoever waits", () => {
    fc.assert(
      fc.property(stories, (story) => {
        const own = sum(story.lots.map((lot) => lot.held));
        const [wanted = 0] = story.wanted;
        const { plans, given } = planOf(story);
        if (story.policy !== "reject" || own >= wanted)
          expect(given[0]).toBeGreaterThanOrEqual(Math.min(own, wanted));
        if (own >= wanted) expect(plans[0]).toMatchObject({ rejected: false, shortages: [] });
      }),
    );
  });

  it("gives newcomers nothing that those who wait could have", () => {
    fc.assert(
      fc.property(stories, (story) => {
        const anywhere = story.waiting.map((one) => ({ ...one, warehouse_id: null }));
        const { given, rest } = planOf({ ...story, waiting: anywhere });
        const stock = sum(story.lots.map((lot) => lot.available));
        const asked = sum(anywhere.map((one) => one.quantity));
        const [first = 0, ...others] = given;
        expect(sum(others)).toBeLessThanOrEqual(Math.max(0, stock - first - asked));
        expect(rest + sum(given)).toBeLessThanOrEqual(stock);
      }),
    );
  });
});
