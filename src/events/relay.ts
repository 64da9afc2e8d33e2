import type { Redis } from "ioredis";
import pg from "pg";
import type { EventLogger } from "./logger.ts";
import { interruptiblePause, type Pause } from "./pause.ts";
import { addToStreams, BATCH, markPublished, readUnpublished } from "./publish-batch.ts";
import { connectRedis } from "./redis.ts";
import { trimStreams } from "./trim-streams.ts";

const POLL_MS = 100;
const CANDIDATE_MS = 500;
const RETRY_MS = 500;
const TRIM_EVERY_MS = 10 * 60_000;
/** A leader that asks nothing for so long has lost its session, and with it the lock: the server ends it. */
const LEASE_MS = 10_000;
/** One relay in the installation publishes; the others wait for its session to end. */
const LEADER_LOCK = 8_271_002;

export interface RelayOptions {
  databaseUrl: string;
  redisUrl: string;
  logger: EventLogger;
  /** How often an idle relay looks for new events. */
  pollMs?: number;
}

export interface RelayProgress {
  leader: boolean;
  published: number;
  lastProgressAt: Date;
}

export interface Relay {
  progress(): RelayProgress;
  /** Publishes what is committed by now, as far as it can, and gives the leadership up. */
  stop(): Promise<void>;
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
  readonly #state: RelayProgress = { leader: false, published: 0, lastProgressAt: new Date() };
  readonly #pause: Pause = interruptiblePause();
  #done: Promise<void> = Promise.resolve();
  #trimAt = Date.now() + TRIM_EVERY_MS;

  constructor(options: RelayOptions) {
    this.#options = options;
  }

  start(): void {
    this.#done = this.#run();
  }

  progress(): RelayProgress {
    return { ...this.#state };
  }

  async stop(): Promise<void> {
    this.#pause.stop();
    await this.#done;
  }

  /** Session after session: each ends with an error or with the stop, and leaves nothing that the next one uses. */
  async #run(): Promise<void> {
    while (!this.#pause.stopped) {
      try {
        await this.#session();
      } catch (error) {
        this.#options.logger.warn({ err: error }, "the relay starts again");
        await this.#pause.for(RETRY_MS * (1 + Math.random()));
      }
    }
  }

  async #session(): Promise<void> {
    const client = await connectPostgres(this.#options.databaseUrl);
    let redis: Redis | undefined;
    try {
      if (!(await this.#becomeLeader(client))) return;
      redis = await connectRedis(this.#options.redisUrl, "warehouse-relay");
      await this.#publish(client, redis);
    } finally {
      this.#state.leader = false;
      redis?.disconnect();
      await client.end().catch(() => {});
    }
  }

  /** False: it was told to stop while it waited. */
  async #becomeLeader(client: pg.Client): Promise<boolean> {
    while (!this.#pause.stopped) {
      const { rows } = await client.query<{ locked: boolean }>("select pg_try_advisory_lock($1) as locked", [
        LEADER_LOCK,
      ]);
      this.#state.lastProgressAt = new Date();
      this.#state.leader = rows[0]?.locked === true;
      if (this.#state.leader) return true;
      await this.#pause.for(CANDIDATE_MS);
    }
    return false;
  }

  async #publish(client: pg.Client, redis: Redis): Promise<void> {
    for (;;) {
      const last = this.#pause.stopped;
      const published = await this.#publishBatch(client, redis);
      this.#state.published += published;
      this.#state.lastProgressAt = new Date();
      if (published === BATCH) continue;
      if (last) return;
      await this.#trim(redis);
      await this.#pause.for(this.#options.pollMs ?? POLL_MS);
    }
  }

  async #publishBatch(client: pg.Client, redis: Redis): Promise<number> {
    const askedAt = performance.now();
    const rows = await readUnpublished(client);
    if (rows.length === 0) return 0;
    // A process that was frozen must not publish on a leadership that has gone to another meanwhile.
    if (performance.now() - askedAt > LEASE_MS / 2)
      throw new Error("the leader was held up, and may be none any more");
    const { stored, error } = await addToStreams(redis, rows);
    await markPublished(client, stored);
    if (error) throw error;
    return stored.length;
  }

  async #trim(redis: Redis): Promise<void> {
    if (Date.now() < this.#trimAt) return;
    this.#trimAt = Date.now() + TRIM_EVERY_MS;
    await trimStreams(redis);
  }
}

async function connectPostgres(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString,
    application_name: "warehouse-relay",
    connectionTimeoutMillis: 5_000,
    query_timeout: 10_000,
    statement_timeout: 8_000,
    keepAlive: true,
  });
  client.on("error", () => {}); // the query that meets it says it
  try {
    await client.connect();
    // A mark that is lost in a crash means a second publication, which everybody must bear anyway.
    await client.query(`set idle_session_timeout = ${LEASE_MS}; set synchronous_commit = off`);
    return client;
  } catch (error) {
    await client.end().catch(() => {});
    throw error;
  }
}
