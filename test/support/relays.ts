import type { Redis } from "ioredis";
import { sql } from "kysely";
import type { Database } from "../../src/db/database.ts";
import { appendEvents } from "../../src/db/outbox.ts";
import { inTransaction } from "../../src/db/transaction.ts";
import { event } from "../../src/domain/events.ts";
import type { EventLogger } from "../../src/events/logger.ts";
import { type Relay, type RelayOptions, startRelay } from "../../src/events/relay.ts";
import { type TestDatabase, testDatabase } from "./database.ts";
import { type TestRedis, testRedis } from "./redis.ts";
import { openRedis, readStream } from "./streams.ts";
import { until } from "./until.ts";

export const PICKING = "wms:events:picking";
export const SHIPMENT = "wms:events:shipment";

/** One database, one Redis, and the relays between them. */
export class RelayWorld {
  readonly database: TestDatabase;
  readonly server: TestRedis;
  readonly db: Database;
  readonly redis: Redis;
  /** What the relays said that is not as it should be. */
  readonly warnings: string[] = [];
  readonly #relays: Relay[] = [];

  static async open(): Promise<RelayWorld> {
    const [database, server] = await Promise.all([testDatabase(), testRedis()]);
    return new RelayWorld(database, server);
  }

  private constructor(database: TestDatabase, server: TestRedis) {
    this.database = database;
    this.server = server;
    this.db = database.db;
    this.redis = openRedis(server.url);
  }

  async close(): Promise<void> {
    await Promise.all(this.#relays.splice(0).map((relay) => relay.stop()));
    this.redis.disconnect();
    await Promise.all([this.database.close(), this.server.close()]);
  }

  relay(options: Partial<RelayOptions> = {}): Relay {
    const warn = ({ err }: { err?: Error }, message: string) => {
      this.warnings.push(err ? `${message}: ${err.message}` : message);
    };
    const logger: EventLogger = { info() {}, warn, error: warn };
    const relay = startRelay({
      databaseUrl: this.database.url,
      redisUrl: this.server.url,
      logger,
      pollMs: 20,
      ...options,
    });
    this.#relays.push(relay);
    return relay;
  }

  /** One transaction: the next event of each of these tasks. */
  commit(tasks: readonly number[]): Promise<void> {
    const events = tasks.map((task_id) => event("picking.started", { task_id, order_id: 1, worker_id: 2 }));
    return inTransaction(this.db, (trx) => appendEvents(trx, events));
  }

  async unpublished(): Promise<number> {
    const { rows } = await sql<{ count: bigint }>`
      select count(*) from outbox where published_at is null`.execute(this.db);
    return Number(rows[0]?.count ?? -1);
  }

  allPublished(deadlineMs?: number): Promise<true> {
    return until(
      "everything is published",
      async () => (await this.unpublished()) === 0 && (true as const),
      deadlineMs,
    );
  }

  /** The sequences of each aggregate as they stand on the stream. */
  async sequences(stream = PICKING): Promise<Map<string, number[]>> {
    const found = new Map<string, number[]>();
    for (const { fields } of await readStream(this.redis, stream)) {
      const key = fields["aggregate_id"] ?? "";
      found.set(key, [...(found.get(key) ?? []), Number(fields["sequence"])]);
    }
    return found;
  }

  /** Of one task; each number where it was seen first: what a subscriber is left with that skips what it knows. */
  async seenOf(task: number): Promise<number[]> {
    return [...new Set((await this.sequences()).get(`picking_task:${task}`) ?? [])];
  }

  async openAlerts(): Promise<{ name: string; key: string; severity: string; summary: string }[]> {
    const { rows } = await sql<{ name: string; key: string; severity: string; summary: string }>`
      select name, key, severity, summary from alerts where resolved_at is null order by name, key`.execute(
      this.db,
    );
    return rows;
  }
}

export const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
