import type { Redis } from "ioredis";
import type pg from "pg";
import { createDatabase, createPool } from "../db/database.ts";
import { endSession } from "../db/end-session.ts";
import { takeLead, tryLock } from "./lead.ts";
import { Leading, type LeadingOptions, type RelayProgress } from "./leading.ts";
import type { EventLogger } from "./logger.ts";
import { interruptiblePause, type Pause } from "./pause.ts";
import { connectRedis } from "./redis.ts";
import { RelayAlerts } from "./relay-alerts.ts";
import { connectPostgres } from "./relay-postgres.ts";

const CANDIDATE_MS = 500;
const RETRY_MS = 500;

export interface RelayOptions extends LeadingOptions {
  databaseUrl: string;
  redisUrl: string;
  logger: EventLogger;
}

export interface Relay {
  progress(): RelayProgress;
  /** Publishes what is committed by now, as far as it can, and gives the leadership up. */
  stop(): Promise<void>;
}

/**
 * Brings committed events from the outbox to their streams, each aggregate's in commit order, at least once: rows are
 * marked only after Redis has them, and published again when Redis has lost them. One relay leads, the others wait. Its
 * lock lives on its own session, so a lost session is a lost lead; its epoch keeps it from publishing when it has lost the
 * lead and does not know it.
 */
export function startRelay(options: RelayOptions): Relay {
  const relay = new RelayLoop(options);
  relay.start();
  return relay;
}

class RelayLoop implements Relay {
  readonly #options: RelayOptions;
  readonly #state: RelayProgress = { leader: false, published: 0, lost: 0, lastProgressAt: new Date() };
  readonly #pause: Pause = interruptiblePause();
  readonly #pool: pg.Pool;
  readonly #alerts: RelayAlerts;
  #done: Promise<void> = Promise.resolve();

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#pool = createPool({
      connectionString: options.databaseUrl,
      max: 1,
      applicationName: "warehouse-alerts",
    });
    this.#alerts = new RelayAlerts(createDatabase(this.#pool), options.logger);
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
    await this.#pool.end();
  }

  async #session(): Promise<void> {
    const client = await connectPostgres(this.#options.databaseUrl);
    let redis: Redis | undefined;
    try {
      if (!(await this.#becomeLeader(client))) return;
      redis = await connectRedis(this.#options.redisUrl, "warehouse-relay");
      const lead = await takeLead(client, redis);
      await new Leading(lead, this.#options, this.#state, this.#alerts).run(this.#pause);
    } finally {
      this.#state.leader = false;
      redis?.disconnect();
      await endSession(client);
    }
  }

  /** False: it was told to stop while it waited. */
  async #becomeLeader(client: pg.Client): Promise<boolean> {
    while (!this.#pause.stopped) {
      this.#state.leader = await tryLock(client);
      if (this.#state.leader) return true;
      this.#state.lastProgressAt = new Date(); // whoever leads makes progress by what he publishes
      await this.#pause.for(CANDIDATE_MS);
    }
    return false;
  }
}
