import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { Redis } from "ioredis";
import { ORDER_STREAM } from "../../domain/events.ts";
import { type Day, type DayOrder, skuKey } from "./day.ts";
import type { Random } from "./random.ts";
import type { ServiceProcess } from "./service-process.ts";
import type { Warehouses } from "./stock.ts";

const CHUNK = 20;

export interface FeedPlan {
  entries: string[][];
  /** By order number. */
  orderIds: Map<string, bigint>;
  duplicates: number;
}

/** The day as stream entries: some twice or thrice, cancellations some time after their orders, a few before them. */
export function planFeed(day: Day, { listings }: Warehouses, random: Random): FeedPlan {
  const orderIds = new Map(day.orders.map((order, index) => [order.order_number, BigInt(index + 1)]));
  const listingId = (sku: string) => String(listings.get(skuKey(sku))?.listing_id ?? 0);
  const timed: { at: number; entry: string[] }[] = [];
  day.orders.forEach((order, at) => timed.push({ at, entry: confirmation(order, orderIds, listingId) }));
  for (const { order_number, items } of day.cancellations) {
    const at = day.orders.findIndex((order) => order.order_number === order_number);
    const later = random.chance(0.1) ? -0.5 : 0.5 + random.below(60);
    const lines = items.map((item) => ({ listing_id: listingId(item.sku), quantity: item.quantity }));
    const entry = [
      "type",
      "order.cancelled",
      "event_id",
      randomUUID(),
      "order_id",
      String(orderIds.get(order_number)),
    ];
    entry.push(
      "reason",
      "customer changed his mind",
      ...(lines.length > 0 ? ["items", JSON.stringify(lines)] : []),
    );
    timed.push({ at: at + later, entry });
  }
  const again = timed.flatMap((one) =>
    random.chance(0.1)
      ? Array.from({ length: 1 + random.below(2) }, () => ({ ...one, at: one.at + random.below(20) }))
      : [],
  );
  const entries = [...timed, ...again].sort((a, b) => a.at - b.at).map((one) => one.entry);
  return { entries, orderIds, duplicates: again.length };
}

function confirmation(
  order: DayOrder,
  ids: ReadonlyMap<string, bigint>,
  listingId: (sku: string) => string,
): string[] {
  const items = order.items.map(({ sku, quantity }) => ({ listing_id: listingId(sku), quantity }));
  const ship_to = {
    contact_name: `Customer ${order.order_number}`,
    street: "2 Test Street",
    city: "Sampletown",
    postal_code: "10000",
    country: order.country || "United Kingdom",
  };
  const fields = {
    type: "order.confirmed",
    event_id: randomUUID(),
    order_id: String(ids.get(order.order_number)),
    storefront_id: "1",
    order_number: order.order_number,
    items: JSON.stringify(items),
    ship_to: JSON.stringify(ship_to),
    timestamp: String(Math.floor(Date.now() / 1000)),
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
    await send(service, entries.slice(from, from + CHUNK));
    onSent(Math.min(entries.length, from + CHUNK));
    await delay(10);
  }
}

async function send(service: ServiceProcess, entries: readonly string[][]): Promise<void> {
  for (;;) {
    const redis = new Redis(service.info.redisUrl, {
      lazyConnect: true,
      retryStrategy: () => null,
      maxRetriesPerRequest: 0,
    });
    redis.on("error", () => {});
    try {
      await redis.connect();
      const pipeline = redis.pipeline();
      for (const entry of entries) pipeline.xadd(ORDER_STREAM, "*", ...entry);
      const results = await pipeline.exec();
      if (results?.every(([error]) => error === null)) return;
    } catch {
      // Redis is going down with the service, or coming up again.
    } finally {
      redis.disconnect();
    }
    await delay(200);
  }
}
