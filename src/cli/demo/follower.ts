import { setTimeout as delay } from "node:timers/promises";
import { EVENTS } from "../../domain/events.ts";
import { connectRedis } from "../../events/redis.ts";
import type { ServiceProcess } from "./service-process.ts";

const STREAM = EVENTS["order.status_changed"].stream;
const BLOCK_MS = 500;

/** Follows the orders by the events that the service publishes, as any subscriber would. */
export class Follower {
  readonly #service: ServiceProcess;
  readonly #statuses = new Map<string, string>();
  readonly #waited = new Set<string>();
  #after = "0-0";
  #over = false;

  constructor(service: ServiceProcess) {
    this.#service = service;
  }

  /** Orders that the service has told something of. */
  get received(): number {
    return this.#statuses.size;
  }

  /** Orders that have waited for stock at some time. */
  get everWaited(): number {
    return this.#waited.size;
  }

  count(status: "delivered" | "cancelled"): number {
    let count = 0;
    for (const one of this.#statuses.values()) if (one === status) count += 1;
    return count;
  }

  async follow(): Promise<void> {
    while (!this.#over) await this.#session().catch(() => delay(200));
  }

  stop(): void {
    this.#over = true;
  }

  async #session(): Promise<void> {
    const redis = await connectRedis(this.#service.info.redisUrl, "demo-follower");
    try {
      while (!this.#over) {
        const answer = await redis.xread("COUNT", 1_000, "BLOCK", BLOCK_MS, "STREAMS", STREAM, this.#after);
        for (const [id, flat] of answer?.[0]?.[1] ?? []) this.#learn(id, flat);
      }
    } finally {
      redis.disconnect();
    }
  }

  #learn(id: string, flat: readonly string[]): void {
    this.#after = id;
    const field = (name: string) => flat[flat.indexOf(name) + 1] ?? "";
    const [type, order, status] = [field("type"), field("order_id"), field("to_status")];
    if (type === "order.status_changed") this.#statuses.set(order, status);
    else if (!this.#statuses.has(order)) this.#statuses.set(order, "");
    if (type === "fulfillment.status_changed" && status === "backordered") this.#waited.add(order);
  }
}
