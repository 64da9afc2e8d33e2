import { AsyncLocalStorage } from "node:async_hooks";
import pg from "pg";

const HOT = /^\s*\/\* hot: (\w+) \*\//;
const SILENT = "Query read timeout";
const PROBE_MS = 1_000;
/** After so long a silence a line may have died unnoticed. A busy one is never asked. */
const TRUSTED_MS = 1_000;
/** For questions about all that there is. */
const UNHURRIED_MS = 30 * 60_000;

const unhurriedQueries = new AsyncLocalStorage<true>();

type Query = (...parameters: unknown[]) => unknown;

/** Answers to what `run` asks may take as long as they take; the server's own limit is the caller's to lift. */
export function unhurried<T>(run: () => T): T {
  return unhurriedQueries.run(true, run);
}

/**
 * A client with two habits of its own. It prepares the statements that begin with a hot: name comment once a connection
 * instead of planning them each time: for a join of five tables the plan costs as much as the work. Such a statement names
 * its columns, since one whose result type a migration changes is refused by connections that have prepared it; and one
 * name has one text. And it gives up its connection when an answer does not come in time: the answer to this question
 * could arrive as the answer to the next one, and whoever gave the client back would not tell the pool.
 */
export class PreparingClient extends pg.Client {
  /** Milliseconds on the clock of `performance.now()`. */
  readonly bornAt = performance.now();
  /** When the question was asked that got no answer; from then on the client is of no use. */
  silentSince: number | undefined;
  #unanswered = 0;
  #answeredAt = performance.now();

  constructor(config?: string | pg.ClientConfig) {
    super(config);
    const query = this.query.bind(this) as Query;
    const prepare: Query = (text, values, ...rest) => {
      const result = query(...asked(text, values), ...rest);
      if (result instanceof Promise) this.#follow(result);
      return result;
    };
    this.query = prepare as typeof this.query;
  }

  /** Asks for a sign of life, unless an answer is due anyway: a dead line is given up before somebody needs it. */
  probe(): void {
    if (this.#unanswered === 0) void this.#answers(); // whoever asks next hears of it
  }

  /** For somebody who is about to use it after a pause: else he would be the one who waits for an answer that never comes. */
  async isAlive(): Promise<boolean> {
    return performance.now() - this.#answeredAt < TRUSTED_MS || this.#answers();
  }

  async #answers(): Promise<boolean> {
    const question: pg.QueryConfig & { query_timeout: number } = {
      text: "select 1",
      query_timeout: PROBE_MS,
    };
    return this.query(question).then(
      () => true,
      () => false,
    );
  }

  #follow(answer: Promise<unknown>): void {
    const askedAt = performance.now();
    this.#unanswered += 1;
    answer
      .catch((error: unknown) => {
        if (!(error instanceof Error) || error.message !== SILENT) return;
        this.silentSince = askedAt;
        void this.end(); // ends the socket, since it waits for an answer
      })
      .finally(() => {
        this.#unanswered -= 1;
        this.#answeredAt = performance.now();
      });
  }
}

function asked(text: unknown, values: unknown): unknown[] {
  if (typeof text !== "string") return [text, values];
  const name = HOT.exec(text)?.[1];
  if (unhurriedQueries.getStore()) return [{ name, text, values, query_timeout: UNHURRIED_MS }];
  return name === undefined ? [text, values] : [{ name, text, values }];
}
