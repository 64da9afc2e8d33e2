import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Redis } from "ioredis";
import type { Random } from "../../../src/cli/demo/random.ts";
import { ORDER_STREAM } from "../../../src/domain/events.ts";
import { connectRedis } from "../../../src/events/redis.ts";

export interface FedOrder {
  orderId: bigint;
  items: readonly { listingId: bigint; quantity: number }[];
}

interface Entry {
  at: number;
  orderId: bigint;
  eventId: string;
  fields: string[];
}

/**
 * The Listings service: puts each order's events on the stream until Redis says that it has them, some twice, some out
 * of order. What it was told is stored it forgets, unless it is asked to send again.
 */
export class Feeder {
  readonly #redisUrl: string;
  readonly #entries: Entry[];
  #redis: Redis | undefined;
  /** Entries that Redis has acknowledged. */
  sent = 0;

  constructor(redisUrl: string, orders: readonly FedOrder[], random: Random, cancelShare: number) {
    this.#redisUrl = redisUrl;
    const confirmed = orders.map((order, at) => confirmation(order, at));
    const cancelled = orders
      .filter(() => random.chance(cancelShare))
      .map(({ orderId }) =>
        cancellation(orderId, orders.findIndex((o) => o.orderId === orderId) + random.below(9) - 1),
      );
    const again = [...confirmed, ...cancelled]
      .filter(() => random.chance(0.1))
      .map((entry) => ({ ...entry, at: entry.at + random.below(20) }));
    this.#entries = [...confirmed, ...cancelled, ...again].sort((a, b) => a.at - b.at);
  }

  get eventIds(): ReadonlySet<string> {
    return new Set(this.#entries.map(({ eventId }) => eventId));
  }

  get size(): number {
    return this.#entries.length;
  }

  async run(perSecond: number): Promise<void> {
    const started = performance.now();
    for (const [nth, { fields }] of this.#entries.entries()) {
      while (!(await this.#send(fields))) await delay(100);
      this.sent += 1;
      const early = (nth * 1000) / perSecond - (performance.now() - started);
      if (early > 5) await delay(early);
    }
    this.#redis?.disconnect();
  }

  /** What a Redis has lost, its sender has to send again. */
  async resend(eventIds: ReadonlySet<string>): Promise<void> {
    for (const { eventId, fields } of this.#entries)
      if (eventIds.has(eventId)) while (!(await this.#send(fields))) await delay(100);
    this.#redis?.disconnect();
    this.#redis = undefined;
  }

  /** False: no answer, so nobody knows. */
  async #send(fields: readonly string[]): Promise<boolean> {
    try {
      this.#redis ??= await connectRedis(this.#redisUrl, "listings");
      await this.#redis.xadd(ORDER_STREAM, "*", ...fields);
      return true;
    } catch {
      this.#redis?.disconnect();
      this.#redis = undefined;
      return false;
    }
  }
}

function confirmation({ orderId, items }: FedOrder, at: number): Entry {
  const eventId = randomUUID();
  const lines = items.map(({ listingId, quantity }) => ({ listing_id: String(listingId), quantity }));
  const fields = {
    type: "order.confirmed",
    event_id: eventId,
    order_id: String(orderId),
    storefront_id: "1",
    order_number: `F-${orderId}`,
    items: JSON.stringify(lines),
    ship_to: JSON.stringify({
      contact_name: `Customer ${orderId}`,
      street: "2 Test Street",
      city: "Novi Sad",
      postal_code: "21000",
      country: "RS",
    }),
  };
  return { at, orderId, eventId, fields: Object.entries(fields).flat() };
}

function cancellation(orderId: bigint, at: number): Entry {
  const eventId = randomUUID();
  const fields = { type: "order.cancelled", event_id: eventId, order_id: String(orderId), reason: "test" };
  return { at, orderId, eventId, fields: Object.entries(fields).flat() };
}
