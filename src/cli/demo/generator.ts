import type { Day, DayCancellation, DayOrder } from "./day.ts";
import type { Random } from "./random.ts";

const SKUS = 1_500;
const COUNTRIES = ["Germany", "France", "Ireland", "Spain", "Netherlands", "Switzerland"];
const HOME = "United Kingdom";
const QUANTITIES = [1, 1, 1, 1, 2, 2, 2, 3, 4, 6, 6, 8, 10, 12, 12, 12, 24, 24, 48];
/** Running sum of how often each SKU is asked for: the first sells some hundred times the middling one. */
const DEMAND = runningSum(
  Array.from({ length: SKUS }, (_, rank) => (rank + 1) ** -0.4 * Math.exp(-rank / 350)),
);

/**
 * A day that looks like a real one: 13 lines in the middle, a long tail, few orders of one line, one SKU on two lines
 * now and then, a few SKUs that sell most, and customers who take some of it back.
 */
export function generateDay(random: Random, count: number): Day {
  const orders = Array.from({ length: count }, (_, index) => makeOrder(random, 700_001 + index));
  const cancellations = orders.flatMap((order) => makeCancellation(random, order) ?? []);
  return { orders, cancellations, complaints: [] };
}

function makeOrder(random: Random, number: number): DayOrder {
  const lines = lineCount(random);
  const ranks = new Set<number>();
  while (ranks.size < lines) ranks.add(skuRank(random));
  const items = [...ranks].map((rank) => ({ sku: skuName(random, rank), quantity: lineQuantity(random) }));
  if (items.length > 1 && random.chance(0.17)) {
    const twice = random.pick(items);
    items.push({ sku: twice.sku.toLowerCase(), quantity: lineQuantity(random) });
  }
  const country = random.chance(0.9) ? HOME : random.pick(COUNTRIES);
  return { order_number: String(number), country, items };
}

/** Log-normal around 13, with the share of one-line orders that real days have, and the few orders of shops. */
function lineCount(random: Random): number {
  if (random.chance(0.062)) return 1;
  if (random.chance(0.015)) return 150 + random.below(450);
  return Math.max(1, Math.round(13.5 * Math.exp(0.97 * random.normal())));
}

function skuRank(random: Random): number {
  const wanted = random.next() * (DEMAND.at(-1) ?? 0);
  let [low, high] = [0, SKUS - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((DEMAND[middle] ?? 0) > wanted) high = middle;
    else low = middle + 1;
  }
  return low;
}

function skuName(random: Random, rank: number): string {
  const name = `${20_000 + ((rank * 7) % SKUS)}${rank % 5 === 0 ? "B" : ""}`;
  return random.chance(0.1) ? name.toLowerCase() : name;
}

function lineQuantity(random: Random): number {
  if (random.chance(0.001)) return 500 + random.below(2_500);
  if (random.chance(0.01)) return 60 + random.below(400);
  return random.pick(QUANTITIES);
}

function makeCancellation(random: Random, order: DayOrder): DayCancellation | undefined {
  if (random.chance(0.03)) return { order_number: order.order_number, items: [] };
  if (!random.chance(0.15)) return undefined;
  const some = new Set(Array.from({ length: 1 + random.below(3) }, () => random.pick(order.items)));
  const items = [...some].map(({ sku, quantity }) => ({ sku, quantity: 1 + random.below(quantity) }));
  return { order_number: order.order_number, items };
}

function runningSum(weights: readonly number[]): number[] {
  let sum = 0;
  return weights.map((weight) => (sum += weight));
}
