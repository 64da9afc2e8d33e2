import pg from "pg";
import type { PreparingClient } from "./preparing-client.ts";

type Done = (error?: Error | boolean) => void;
type Callback = (error: Error | undefined, client: pg.PoolClient | undefined, done: Done) => void;

/** A question may have been on its way for a while when the line died. */
const MARGIN_MS = 1_000;

/** The way to one server: what one pool finds out about it, all pools of this process know. */
interface Way {
  /** On the clock of `performance.now()`: connections from before are not trusted. */
  doubtfulUntil: number;
  readonly pools: Set<SoundPool>;
}

const ways = new Map<string, Way>();

function wayTo(url: string): Way {
  const way = ways.get(url) ?? { doubtfulUntil: 0, pools: new Set() };
  ways.set(url, way);
  return way;
}

/**
 * A pool that distrusts its connections once one of them fell silent: a line that swallowed one question has probably
 * swallowed all that were open at the time, and each would cost somebody the whole wait again. Idle ones are replaced;
 * those that somebody holds have to show that they live.
 */
export class SoundPool extends pg.Pool {
  readonly #way: Way;
  readonly #lent = new Set<PreparingClient>();

  constructor(config: pg.PoolConfig & { connectionString: string }) {
    super(config);
    this.#way = wayTo(config.connectionString);
    this.#way.pools.add(this);
    this.on("error", () => {}); // an idle client died: the pool has dropped it already
    this.on("connect", (client) => {
      client.on("error", () => {}); // without a listener, a backend killed in mid-transaction ends the process
    });
    this.on("acquire", (client) => this.#lent.add(client as unknown as PreparingClient));
    this.on("release", (_error, client) => this.#takeBack(client as unknown as PreparingClient));
  }

  override connect(): Promise<pg.PoolClient>;
  override connect(callback: Callback): void;
  override connect(callback?: Callback): Promise<pg.PoolClient> | undefined {
    const connected = this.#connect();
    if (!callback) return connected;
    connected.then(
      (client) => callback(undefined, client, releaseOnce(client)),
      (error: Error) => callback(error, undefined, () => {}),
    );
    return undefined;
  }

  override end(): Promise<void> {
    this.#way.pools.delete(this);
    return super.end();
  }

  async #connect(): Promise<pg.PoolClient> {
    for (;;) {
      const client = await super.connect();
      if (await this.#isSound(client as unknown as PreparingClient)) return client;
      client.release(true);
    }
  }

  async #isSound(client: PreparingClient): Promise<boolean> {
    return client.bornAt > this.#way.doubtfulUntil && (await client.isAlive());
  }

  #takeBack(client: PreparingClient): void {
    this.#lent.delete(client);
    if (client.silentSince === undefined) return;
    const until = Math.min(performance.now(), client.silentSince + MARGIN_MS);
    if (until <= this.#way.doubtfulUntil) return;
    this.#way.doubtfulUntil = until;
    for (const pool of this.#way.pools) pool.#probe();
  }

  #probe(): void {
    for (const client of this.#lent) if (client.bornAt <= this.#way.doubtfulUntil) client.probe();
  }
}

/** The job queue gives its listener back twice when its line is lost while it leaves; the second time would end the process. */
function releaseOnce(client: pg.PoolClient): Done {
  let released = false;
  return (error) => {
    if (released) return;
    released = true;
    client.release(error);
  };
}
