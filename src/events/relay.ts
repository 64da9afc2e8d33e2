import type { Redis } from "ioredis";
import pg from "pg";
import type { EventLogger } from "./logger.ts";
import { producerConnection } from "./redis.ts";

const BATCH = 500;
const IDLE_POLL_MS = 100;
const RETRY_MS = 500;
/** One relay in the installation publishes; the others wait for its session to end. */
const LEADER_LOCK = 8_271_002;

export interface RelayOptions {
  databaseUrl: string;
  redisUrl: string;
  logger: EventLogger;
}

export interface RelayProgress {
  leader: boolean;
  published: number;
  lastProgressAt: Date;
}

export interface Relay {
  progress(): RelayProgress;
  stop(): Promise<void>;
}

interface OutboxRow {
  position: string;
  id: string;
  stream: string;
  aggregateid: string;
  sequence: string;
  type: string;
  payload: Record<string, string>;
  timestamp: string;
}

/**
 * Brings committed events from the outbox to their streams, each aggregate's in commit order, at least once: rows are
 * marked only after Redis has them. The lock lives on the relay's own session, so a lost session is a lost leadership.
 */
export function startRelay(options: RelayOptions): Relay {
  const relay = new RelayLoop(options);
  relay.start();
  return relay;
}

class RelayLoop implements Relay {
  readonly #options: RelayOptions;
  readonly #redis: Redis;
  readonly #state: RelayProgress = { leader: false, published: 0, lastProgressAt: new Date() };
  #stopping = false;
  #wake: () => void = () => {};
  #done: Promise<void> = Promise.resolve();

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#redis = producerConnection(options.redisUrl);
  }

  start(): void {
    this.#done = this.#run();
  }

  progress(): RelayProgress {
    return { ...this.#state };
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#wake();
    await this.#done;
    this.#redis.disconnect();
  }

  /** Session after session: each ends with an error or with the stop. */
  async #run(): Promise<void> {
    while (!this.#stopping) {
      try {
        await this.#session();
      } catch (error) {
        this.#options.logger.warn({ err: error }, "the relay starts again");
        await this.#pause(RETRY_MS);
      } finally {
        this.#state.leader = false;
      }
    }
  }

  async #session(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.#options.databaseUrl,
      application_name: "warehouse-relay",
      connectionTimeoutMillis: 5_000,
      query_timeout: 10_000,
      statement_timeout: 8_000,
      keepAlive: true,
    });
    client.on("error", () => {}); // the query that meets it says it
    try {
      await client.connect();
      while (!this.#stopping && !(await this.#tryToLead(client))) await this.#pause(RETRY_MS);
      while (!this.#stopping) {
        const published = await this.#publishBatch(client);
        this.#state.published += published;
        this.#state.lastProgressAt = new Date();
        if (published < BATCH) await this.#pause(IDLE_POLL_MS);
      }
    } finally {
      await client.end().catch(() => {});
    }
  }

  async #tryToLead(client: pg.Client): Promise<boolean> {
    const { rows } = await client.query<{ locked: boolean }>("select pg_try_advisory_lock($1) as locked", [LEADER_LOCK]);
    this.#state.leader = rows[0]?.locked ?? false;
    this.#state.lastProgressAt = new Date();
    return this.#state.leader;
  }

  async #publishBatch(client: pg.Client): Promise<number> {
    const { rows } = await client.query<OutboxRow>({
      name: "relay-batch",
      text: `select position, id, stream, aggregateid, sequence, type, payload,
               floor(extract(epoch from created_at))::bigint as timestamp
             from outbox where published_at is null order by position limit $1`,
      values: [BATCH],
    });
    if (rows.length === 0) return 0;
    if (this.#redis.status !== "ready") await this.#connectRedis();
    const stored = await this.#send(rows);
    if (stored.length > 0)
      await client.query("update outbox set published_at = now() where position = any($1::bigint[])", [
        stored.map((row) => row.position),
      ]);
    if (stored.length < rows.length) throw new Error(`Redis took ${stored.length} of ${rows.length} events`);
    return stored.length;
  }

  async #connectRedis(): Promise<void> {
    if (this.#redis.status === "wait" || this.#redis.status === "end") await this.#redis.connect();
    else throw new Error(`Redis is ${this.#redis.status}`);
  }

  /** The rows that Redis has for certain: those before the first failure, so that none overtakes an earlier one. */
  async #send(rows: readonly OutboxRow[]): Promise<OutboxRow[]> {
    const pipeline = this.#redis.pipeline();
    for (const row of rows) pipeline.xadd(row.stream, "*", ...entryOf(row));
    const results = (await pipeline.exec()) ?? [];
    const failed = results.findIndex(([error]) => error !== null);
    return rows.slice(0, failed === -1 ? results.length : failed);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** Flat string fields, as `events.proto` documents them. */
function entryOf(row: OutboxRow): string[] {
  const fields = {
    type: row.type,
    ...row.payload,
    timestamp: row.timestamp,
    event_id: row.id,
    aggregate_id: row.aggregateid,
    sequence: row.sequence,
  };
  return Object.entries(fields).flat();
}
