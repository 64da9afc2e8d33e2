import { setTimeout as delay } from "node:timers/promises";
import { type RawBuilder, sql } from "kysely";
import { HASHED_LOCKS } from "../db/advisory-locks.ts";
import type { Database } from "../db/database.ts";
import { endSession } from "../db/end-session.ts";
import { PreparingClient } from "../db/preparing-client.ts";
import type { Logger } from "../logger.ts";

const SWEEP_MS = 5_000;
const RECONNECT_MS = 1_000;
/** A session that says nothing for so long is of a process that is cut off or frozen: the server ends it. */
const LEASE_MS = 20_000;
const ANSWER_MS = 4_000;

/**
 * Tells the living workers from the dead. The workers of this process hold an advisory lock in one database session,
 * which ends with the process however that ends. A job whose workers hold no lock any more is free again within seconds;
 * the queue itself would wait four hours. The locks are shared ones: the session that follows a lost one takes them at
 * once, also while the server has not noticed yet that the other is lost.
 */
export class Lifeline {
  readonly #connectionString: string;
  readonly #db: Database;
  readonly #logger: Logger;
  readonly #workers = new Set<string>();
  #session: PreparingClient | undefined;
  /** Whose locks the session has. */
  #held = new Set<string>();
  /** One statement at a time. */
  #holding: Promise<void> = Promise.resolve();
  #beating: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor({ connectionString, db, logger }: { connectionString: string; db: Database; logger: Logger }) {
    this.#connectionString = connectionString;
    this.#db = db;
    this.#logger = logger;
  }

  async start(): Promise<void> {
    await this.#connect();
    this.#beating = setInterval(() => {
      this.#hold();
      void this.#sweep();
    }, SWEEP_MS);
    await this.#sweep();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#beating);
    if (this.#session) await endSession(this.#session);
  }

  /** Workers of this name live in this process from now on. */
  guard(worker_id: string): void {
    this.#workers.add(worker_id);
    this.#hold();
  }

  /** Workers of this name are no more: their jobs are free at once, or when it is swept. */
  async release(worker_id: string): Promise<void> {
    this.#workers.delete(worker_id);
    this.#hold();
    await this.#attempt(sql`select graphile_worker.force_unlock_workers(array[${worker_id}])`);
  }

  async #connect(): Promise<void> {
    const session = new PreparingClient({
      connectionString: this.#connectionString,
      application_name: "warehouse-lifeline",
      connectionTimeoutMillis: ANSWER_MS,
      query_timeout: ANSWER_MS,
      keepAlive: true,
    });
    session.on("error", () => {}); // followed by "end"
    const held = new Set<string>();
    try {
      await session.connect();
      await session.query(`set idle_session_timeout = ${LEASE_MS}`);
      await this.#lock(session, held);
    } catch (error) {
      await endSession(session);
      throw error;
    }
    this.#session = session;
    this.#held = held;
    session.once("end", () => void this.#reconnect());
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

  /** With nobody new to hold it only shows the server that this process lives, and this process that the line does. */
  #hold(): void {
    this.#holding = this.#holding.then(async () => {
      if (this.#session) await this.#lock(this.#session, this.#held);
    });
    this.#holding = this.#holding.catch((error: unknown) => {
      if (!this.#stopped) this.#logger.warn({ err: error }, "the jobs' session with the database is lost");
    });
  }

  async #lock(session: PreparingClient, held: Set<string>): Promise<void> {
    const taken = [...this.#workers].filter((worker_id) => !held.has(worker_id));
    const given = [...held].filter((worker_id) => !this.#workers.has(worker_id));
    await session.query(
      "select pg_advisory_lock_shared(hashtextextended(id, $2)) from unnest($1::text[]) as worker (id)",
      [taken, HASHED_LOCKS.jobWorkers],
    );
    for (const worker_id of taken) held.add(worker_id);
    if (given.length === 0) return;
    await session.query(
      "select pg_advisory_unlock_shared(hashtextextended(id, $2)) from unnest($1::text[]) as worker (id)",
      [given, HASHED_LOCKS.jobWorkers],
    );
    for (const worker_id of given) held.delete(worker_id);
  }

  /** Through the pool: in the session that holds the locks, every worker would look dead. */
  async #sweep(): Promise<void> {
    await this.#attempt(sql`
      select graphile_worker.force_unlock_workers(array_agg(worker_id)) from (
        select distinct locked_by as worker_id from graphile_worker.jobs
        where locked_by is not null and locked_at < now() - ${SWEEP_MS} * interval '1 millisecond'
      ) busy
      where pg_try_advisory_xact_lock(hashtextextended(worker_id, ${HASHED_LOCKS.jobWorkers}))
      having count(*) > 0`);
  }

  async #attempt(statement: RawBuilder<unknown>): Promise<void> {
    try {
      await statement.execute(this.#db);
    } catch (error) {
      if (!this.#stopped) this.#logger.warn({ err: error }, "dead workers' jobs could not be freed");
    }
  }
}
