import type pg from "pg";
import { ConnectionQueue } from "./connection-queue.ts";
import { currentPatience, type Patience } from "./patience.ts";
import type { PreparingClient } from "./preparing-client.ts";

/**
 * The way into a pool, in place of the pool's own queue, which knows one limit for a frozen server and for a crowd that is
 * served in turn.
 */
export class Turnstile {
  /** What Kysely wants to know of a pool. */
  readonly options: object;
  readonly #pool: pg.Pool;
  readonly #queue: ConnectionQueue;
  /** Connections in use, or being made. */
  #inside = 0;
  /** Who has had a connection before. */
  readonly #known = new WeakSet<Patience>();

  constructor(pool: pg.Pool) {
    this.#pool = pool;
    this.options = pool.options;
    this.#queue = new ConnectionQueue(pool.options.max);
  }

  /** Connections that there are, those of them that nobody uses, and callers who wait for one. */
  get state(): { total: number; idle: number; waiting: number } {
    return { total: this.#pool.totalCount, idle: this.#pool.idleCount, waiting: this.#queue.size };
  }

  async connect(): Promise<pg.PoolClient> {
    const patience = currentPatience();
    await this.#enter(patience);
    try {
      const client = await this.#pool.connect();
      if (patience) this.#known.add(patience);
      this.#queue.moved();
      return this.#lend(client);
    } catch (error) {
      this.#leave();
      throw error;
    }
  }

  async #enter(patience: Patience | undefined): Promise<void> {
    patience?.signal.throwIfAborted();
    if (this.#inside === this.#pool.options.max)
      return this.#queue.wait(patience, patience !== undefined && this.#known.has(patience));
    this.#inside += 1;
    return this.#queue.moved();
  }

  end(): Promise<void> {
    return this.#pool.end();
  }

  #lend(client: pg.PoolClient): pg.PoolClient {
    const lentAt = performance.now();
    const release = client.release.bind(client); // the pool makes a new one for each use
    client.release = (broken) => {
      release(broken);
      const { silentSince } = client as unknown as PreparingClient;
      if (!broken && silentSince === undefined) this.#queue.served(performance.now() - lentAt);
      this.#leave();
    };
    return client;
  }

  /** The place goes to whoever waits for it. */
  #leave(): void {
    if (!this.#queue.admitNext()) this.#inside -= 1;
  }
}
