import { randomUUID } from "node:crypto";
import type { Redis } from "ioredis";
import { sql } from "kysely";
import type { Database } from "../../src/db/database.ts";
import { type DeadLetterRow, listDeadLetters } from "../../src/db/dead-letters.ts";
import { CONSUMER_GROUP, ORDER_STREAM } from "../../src/domain/events.ts";
import { type Consumer, type ConsumerOptions, startConsumer } from "../../src/events/consumer.ts";
import type { EventLogger } from "../../src/events/logger.ts";
import { orderEntryHandler } from "../../src/events/order-consumer.ts";
import { startRelay } from "../../src/events/relay.ts";
import { type TestDatabase, testDatabase } from "./database.ts";
import { type TestRedis, testRedis } from "./redis.ts";
import { openRedis, silent } from "./streams.ts";
import { until } from "./until.ts";

export const line = (listing_id: number, quantity: number) => ({ listing_id, quantity });

/** The fields of an entry that confirms an order. */
export function confirmation(
  order_id: number,
  items = [line(1, 1)],
  event_id: string = randomUUID(),
): string[] {
  return flat({
    type: "order.confirmed",
    event_id,
    order_id,
    storefront_id: 1,
    items: JSON.stringify(items),
  });
}

export function cancellation(order_id: number, items: ReturnType<typeof line>[]): string[] {
  return flat({ type: "order.cancelled", event_id: randomUUID(), order_id, items: JSON.stringify(items) });
}

function flat(fields: Record<string, string | number>): string[] {
  return Object.entries(fields).flatMap(([name, value]) => [name, String(value)]);
}

/** One database, one Redis, and the consumers that bring orders from the one to the other. */
export class ConsumerWorld {
  readonly database: TestDatabase;
  readonly server: TestRedis;
  readonly db: Database;
  readonly redis: Redis;
  /** When consumers had to begin again, in ms. */
  readonly restarts: number[] = [];
  readonly #consumers: Consumer[] = [];
  readonly #others: { stop(): Promise<void> }[] = [];

  static async open(): Promise<ConsumerWorld> {
    const [database, server] = await Promise.all([testDatabase(), testRedis()]);
    return new ConsumerWorld(database, server);
  }

  private constructor(database: TestDatabase, server: TestRedis) {
    this.database = database;
    this.server = server;
    this.db = database.db;
    this.redis = openRedis(server.url);
  }

  async close(): Promise<void> {
    await Promise.all([this.stopAll(), ...this.#others.splice(0).map((one) => one.stop())]);
    this.redis.disconnect();
    await Promise.all([this.database.close(), this.server.close()]);
  }

  consume({ db = this.db, ...options }: Partial<ConsumerOptions> = {}): Consumer {
    const note = (_fields: object, message: string) => {
      if (message === "the consumer starts again") this.restarts.push(performance.now());
    };
    const logger: EventLogger = { info() {}, warn: note, error() {} };
    const timing = { claimIdleMs: 60_000, claimEveryMs: 100, retryMs: 20 };
    const handler = orderEntryHandler(db, silent);
    const consumer = startConsumer({ redisUrl: this.server.url, db, logger, handler, ...timing, ...options });
    this.#consumers.push(consumer);
    return consumer;
  }

  relay(): void {
    this.#others.push(
      startRelay({ databaseUrl: this.database.url, redisUrl: this.server.url, logger: silent, pollMs: 20 }),
    );
  }

  async stopAll(): Promise<void> {
    await Promise.all(this.#consumers.splice(0).map((consumer) => consumer.stop()));
  }

  add(...fields: string[]): Promise<string | null> {
    return this.redis.xadd(ORDER_STREAM, "*", ...fields);
  }

  /** For a consumer that is to come: it finds the group. */
  async makeGroup(): Promise<void> {
    await this.redis.xgroup("CREATE", ORDER_STREAM, CONSUMER_GROUP, "0", "MKSTREAM");
  }

  /** Reads so many entries under a name, and leaves them pending. */
  async takeAs(name: string, count: number): Promise<void> {
    await this.redis.xreadgroup("GROUP", CONSUMER_GROUP, name, "COUNT", count, "STREAMS", ORDER_STREAM, ">");
  }

  async orderIds(): Promise<number[]> {
    const { rows } = await sql<{ order_id: bigint }>`select order_id from orders order by order_id`.execute(
      this.db,
    );
    return rows.map((row) => Number(row.order_id));
  }

  order(id: number, deadlineMs?: number): Promise<boolean> {
    return until(`order ${id} is taken`, async () => (await this.orderIds()).includes(id), deadlineMs);
  }

  async pendingCount(): Promise<number> {
    return ((await this.redis.xpending(ORDER_STREAM, CONSUMER_GROUP)) as [number])[0];
  }

  nothingPending(): Promise<boolean> {
    return until("everything is acknowledged", async () => {
      const [group] = (await this.redis.xinfo("GROUPS", ORDER_STREAM)) as unknown[][];
      const lag = group?.[group.indexOf("lag") + 1];
      return lag === 0 && (await this.pendingCount()) === 0;
    });
  }

  openLetters(): Promise<DeadLetterRow[]> {
    return listDeadLetters(this.db, { statuses: ["open"] }, { size: 100, after: 0n });
  }

  /** Orders with this id cannot be stored: a fault of ours, not of the message. */
  async refuseOrder(id: number): Promise<void> {
    await sql
      .raw(`
      create function refuse_order() returns trigger language plpgsql as $$ begin raise exception 'no luck'; end $$;
      create trigger refuse_order before insert on orders for each row when (new.order_id = ${id})
        execute function refuse_order()`)
      .execute(this.db);
  }

  async groupNames(): Promise<string[]> {
    const consumers = (await this.redis.xinfo("CONSUMERS", ORDER_STREAM, CONSUMER_GROUP)) as string[][];
    return consumers.map((one) => one[1] as string).sort();
  }
}
