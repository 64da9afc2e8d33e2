import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { ORDER_STREAM } from "../../domain/events.ts";
import { connectRedis } from "../../events/redis.ts";
import { type Day, type DayOrder, skuKey } from "./day.ts";
import type { Random } from "./random.ts";
import type { ServiceProcess } from "./service-process.ts";
import type { Warehouses } from "./warehouses.ts";

const CHUNK = 20;

export interface FeedPlan {
  /** Flat fields, in the order in which they go on the stream. */
  entries: string[][];
  /** By order number. */
  orderIds: Map<string, bigint>;
  duplicates: number;
}

/** The day as stream entries: some twice or thrice, cancellations some time after their orders, a few before them. */
export function planFeed(day: Day, { listings }: Pick<Warehouses, "listings">, random: Random): FeedPlan {
  const places = new Map(day.orders.map((order, index) => [order.order_number, index]));
  const idOf = (order_number: string) => BigInt((places.get(order_number) ?? 0) + 1);
  const lines = (items: DayOrder["items"]) =>
    JSON.stringify(
      items.map(({ sku, quantity }) => ({
        listing_id: String(listings.get(skuKey(sku))?.listing_id),
        quantity,
      })),
    );
  const confirmed = day.orders.map((order, at) => ({
    at,
    entry: confirmation(order, idOf(order.order_number), lines(order.items)),
  }));
  const cancelled = day.cancellations.map(({ order_number, items }) => ({
    at: (places.get(order_number) ?? 0) + (random.chance(0.1) ? -0.5 : 0.5 + random.below(60)),
    entry: cancellation(idOf(order_number), items.length > 0 ? lines(items) : ""),
  }));
  const timed = [...confirmed, ...cancelled];
  const again = timed.flatMap((one) =>
    random.chance(0.1)
      ? Array.from({ length: 1 + random.below(2) }, () => ({ ...one, at: one.at + random.below(20) }))
      : [],
  );
  const entries = [...timed, ...again].sort((a, b) => a.at - b.at).map(({ entry }) => entry);
  const orderIds = new Map(day.orders.map(({ order_number }) => [order_number, idOf(order_number)]));
  return { entries, orderIds, duplicates: again.length };
}

function confirmation({ order_number, country }: DayOrder, order_id: bigint, items: string): string[] {
  const ship_to = {
    contact_name: `Customer ${order_number}`,
    street: "2 Market Street",
    city: "Sampletown",
    postal_code: "10000",
    country: country || "United Kingdom",
  };
  const fields = {
    type: "order.confirmed",
    event_id: randomUUID(),
    order_id: String(order_id),
    storefront_id: "1",
    order_number,
    items,
    ship_to: JSON.stringify(ship_to),
    priority: order_id % 20n === 0n ? "high" : "normal",
    timestamp: String(Math.floor(Date.now() / 1000)),
  };
  return Object.entries(fields).flat();
}

function cancellation(order_id: bigint, items: string): string[] {
  const fields = {
    type: "order.cancelled",
    event_id: randomUUID(),
    order_id: String(order_id),
    reason: "the customer changed his mind",
    ...(items === "" ? {} : { items }),
  };
  return Object.entries(fields).flat();
}

/** Puts entries on the stream, like the Listings service would; what got no answer is sent again. */
export async function feed(
  service: ServiceProcess,
  entries: readonly string[][],
  onSent: (sent: number) => void,
): Promise<void> {
  for (let from = 0; from < entries.length; from += CHUNK) {
    while (!(await send(service, entries.slice(from, from + CHUNK)))) await delay(200);
    onSent(Math.min(entries.length, from + CHUNK));
    await delay(10);
  }
}

/** False: Redis is going down with the service, or coming up again. */
async function send(service: ServiceProcess, entries: readonly string[][]): Promise<boolean> {
  try {
    const redis = await connectRedis(service.info.redisUrl, "demo-feed");
    try {
      const pipeline = redis.pipeline();
      for (const entry of entries) pipeline.xadd(ORDER_STREAM, "*", ...entry);
      const results = await pipeline.exec();
      return results?.every(([error]) => error === null) ?? false;
    } finally {
      redis.disconnect();
    }
  } catch {
    return false;
  }
}
