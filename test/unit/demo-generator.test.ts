import { describe, expect, it } from "vitest";
import { skuKey } from "../../src/cli/demo/day.ts";
import { generateDay } from "../../src/cli/demo/generator.ts";
import { Random } from "../../src/cli/demo/random.ts";

const day = generateDay(new Random(7), 3_000);
const sizes = day.orders.map((order) => order.items.length).sort((a, b) => a - b);
const quantile = (share: number) => sizes[Math.floor(sizes.length * share)] ?? 0;
const shareOf = (fits: (order: (typeof day.orders)[number]) => boolean) =>
  day.orders.filter(fits).length / day.orders.length;

function between(value: number, low: number, high: number): void {
  expect(value).toBeGreaterThanOrEqual(low);
  expect(value).toBeLessThanOrEqual(high);
}

describe("the generated day looks like a real one", () => {
  it("has orders of 13 lines in the middle, and a heavy tail", () => {
    between(quantile(0.5), 12, 14);
    between(quantile(0.9), 42, 58);
    between(quantile(0.99), 150, 600);
    between(sizes.at(-1) ?? 0, 400, 700);
  });

  it("has few orders of one line", () =>
    between(
      shareOf((order) => order.items.length === 1),
      0.055,
      0.095,
    ));

  it("names one SKU on two lines now and then, in whatever case", () => {
    const twice = shareOf(({ items }) => new Set(items.map(({ sku }) => skuKey(sku))).size < items.length);
    between(twice, 0.12, 0.19);
    const written = new Set(day.orders.flatMap(({ items }) => items.map(({ sku }) => sku)));
    expect(new Set([...written].map(skuKey)).size).toBeLessThan(written.size);
  });

  it("sells a few SKUs far more often than the middling one", () => {
    const demand = new Map<string, number>();
    for (const { items } of day.orders)
      for (const { sku } of items) demand.set(skuKey(sku), (demand.get(skuKey(sku)) ?? 0) + 1);
    const counts = [...demand.values()].sort((a, b) => b - a);
    between(counts.length, 1_200, 1_500);
    expect(counts[0]).toBeGreaterThan(20 * (counts[750] ?? 0));
    const sum = (some: number[]) => some.reduce((total, count) => total + count, 0);
    between(sum(counts.slice(0, 300)) / sum(counts), 0.6, 0.85);
  });

  it("wants few units as a rule, and very many now and then", () => {
    const quantities = day.orders
      .flatMap(({ items }) => items.map(({ quantity }) => quantity))
      .sort((a, b) => a - b);
    expect(quantities[0]).toBe(1);
    between(quantities[Math.floor(quantities.length / 2)] ?? 0, 2, 6);
    between(quantities[Math.floor(quantities.length * 0.95)] ?? 0, 24, 48);
    expect(quantities.at(-1)).toBeGreaterThan(500);
  });

  it("has customers who take some of it back, but nothing that they did not order", () => {
    between(day.cancellations.filter(({ items }) => items.length > 0).length / day.orders.length, 0.11, 0.18);
    between(
      day.cancellations.filter(({ items }) => items.length === 0).length / day.orders.length,
      0.01,
      0.05,
    );
    const orders = new Map(day.orders.map((order) => [order.order_number, order]));
    for (const { order_number, items } of day.cancellations)
      for (const { sku, quantity } of items) {
        const ordered = orders.get(order_number)?.items.filter((item) => item.sku === sku) ?? [];
        expect(quantity).toBeLessThanOrEqual(Math.max(0, ...ordered.map((item) => item.quantity)));
      }
  });
});

describe("the seed", () => {
  it("makes the same day again", () => {
    expect(generateDay(new Random(42), 50)).toEqual(generateDay(new Random(42), 50));
  });

  it("makes another day when it is another", () => {
    expect(generateDay(new Random(43), 50)).not.toEqual(generateDay(new Random(42), 50));
  });
});
