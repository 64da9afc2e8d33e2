import type { Day, DayCancellation, DayOrder } from "./day.ts";
import type { Random } from "./random.ts";

const SKUS = 1_500;
const COUNTRIES = ["United Kingdom", "Germany", "France", "Serbia", "Greece", "Netherlands"];

/**
 * A day that looks like a real one: 13 lines in the middle, a long tail, few orders of one line, one SKU on two lines
 * now and then, a few SKUs that sell hundreds of times the middling one, and customers who take some of it back.
 */
export function generateDay(random: Random, count: number): Day {
  const orders = Array.from({ length: count }, (_, index) => makeOrder(random, 700_001 + index));
  const cancellations = orders.flatMap((order) => makeCancellation(random, order) ?? []);
  return { orders, cancellations, complaints: [] };
}

function makeOrder(random: Random, number: number): DayOrder {
  const items = Array.from({ length: lineCount(random) }, () => ({
    sku: skuName(random),
    quantity: lineQuantity(random),
  }));
  if (items.length > 1 && random.chance(0.15)) {
    const twice = random.pick(items);
    items.push({ sku: twice.sku.toLowerCase(), quantity: lineQuantity(random) });
  }
  const country = random.chance(0.85) ? (COUNTRIES[0] as string) : random.pick(COUNTRIES);
  return { order_number: String(number), country, items };
}

/** Log-normal around 13, with the share of one-line orders that real days have. */
function lineCount(random: Random): number {
  if (random.chance(0.07)) return 1;
  return Math.max(1, Math.min(400, Math.round(13 * Math.exp(random.normal()))));
}

/** Steep: the rank grows with the fourth power, so that the first few SKUs stand on every other order. */
function skuName(random: Random): string {
  const rank = Math.floor(SKUS * random.next() ** 4);
  const name = `${20_000 + rank}${rank % 7 === 0 ? "B" : ""}`;
  return random.chance(0.1) ? name.toLowerCase() : name;
}

function lineQuantity(random: Random): number {
  if (random.chance(0.01)) return 100 + random.below(400);
  return random.pick([1, 1, 2, 2, 3, 4, 6, 6, 8, 10, 12, 12, 24, 48]);
}

function makeCancellation(random: Random, order: DayOrder): DayCancellation | undefined {
  if (random.chance(0.04)) return { order_number: order.order_number, items: [] };
  if (!random.chance(0.15)) return undefined;
  const { sku, quantity } = random.pick(order.items);
  return { order_number: order.order_number, items: [{ sku, quantity: 1 + random.below(quantity) }] };
}
