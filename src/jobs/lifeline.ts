import { setTimeout as delay } from "node:timers/promises";
import { sql } from "kysely";
import pg from "pg";
import type { Database } from "../db/database.ts";
import type { Logger } from "../logger.ts";

/** Any fixed number keeps our advisory locks apart from those of others. */
const LOCK_SPACE = 8_271_002;
const SWEEP_MS = 5_000;
const RECONNECT_MS = 1_000;

/**
 * Tells the living workers from the dead. The workers of this process hold an advisory lock in one database session,
 * which ends with the process however that ends. A job whose workers hold no lock any more is free again within seconds;
 * the queue itself would wait four hours.
 */
export class Lifeline {
  readonly #connectionString: string;
  readonly #db: Database;
  readonly #logger: Logger;
  readonly #workers = new Set<string>();
  #session: pg.Client | undefined;
  #holding: Promise<void> = Promise.resolve();
  #sweeping: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor({ connectionString, db, logger }: { connectionString: string; db: Database; logger: Logger }) {
    this.#connectionString = connectionString;
    this.#db = db;
    this.#logger = logger;
  }

  async start(): Promise<void> {
    await this.#connect();
    this.#sweeping = setInterval(() => void this.#sweep(), SWEEP_MS);
    await this.#sweep();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#sweeping);
    await this.#session?.end().catch(() => {});
  }

  /** Workers of this name live in this process from now on. */
  guard(worker_id: string): void {
    this.#workers.add(worker_id);
    // One statement at a time, also while a lost session is being replaced.
    this.#holding = this.#holding
      .then(() => this.#hold([worker_id]))
      .catch((error: unknown) => this.#logger.warn({ err: error }, "a worker's lock failed"));
  }

  async #connect(): Promise<void> {
    const session = new pg.Client({
      connectionString: this.#connectionString,
      application_name: "warehouse jobs",
      connectionTimeoutMillis: 5_000,
      keepAlive: true,
    });
    session.on("error", () => {}); // followed by "end"
    await session.connect();
    this.#session = session;
    session.once("end", () => void this.#reconnect());
    await this.#hold([...this.#workers]);
  }

  async #reconnect(): Promise<void> {
    this.#session = undefined;
    while (!this.#stopped) {
      await delay(RECONNECT_MS, undefined, { ref: false });
      if (this.#stopped) return;
      try {
        return await this.#connect();
      } catch (error) {
        this.#logger.warn({ err: error }, "the jobs' session with the database is down");
      }
    }
  }

  async #hold(worker_ids: readonly string[]): Promise<void> {
    await this.#session?.query(
      "select pg_advisory_lock(hashtextextended(id, $2)) from unnest($1::text[]) as worker (id)",
      [worker_ids, LOCK_SPACE],
    );
  }

  /** Through the pool: in the session that holds the locks, every worker would look dead. */
  async #sweep(): Promise<void> {
    try {
      await sql`
        select graphile_worker.force_unlock_workers(array_agg(worker_id)) from (
          select distinct locked_by as worker_id from graphile_worker.jobs
          where locked_by is not null and locked_at < now() - ${SWEEP_MS} * interval '1 millisecond'
        ) busy
        where pg_try_advisory_xact_lock(hashtextextended(worker_id, ${LOCK_SPACE}))
        having count(*) > 0`.execute(this.#db);
    } catch (error) {
      if (!this.#stopped) this.#logger.warn({ err: error }, "dead workers' jobs could not be freed");
    }
  }
}
