import type { Logger } from "../logger.ts";

const EVERY_MS = 5_000;

/**
 * Tells operators why calls are not served. Their callers hear only that they may try again; a database that is away
 * fails thousands of calls a second for one and the same reason, which is told every few seconds, with their number.
 */
export class UnservedLog {
  readonly #logger: Logger;
  readonly #everyMs: number;
  #calls = 0;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(logger: Logger, everyMs = EVERY_MS) {
    this.#logger = logger;
    this.#everyMs = everyMs;
  }

  note(error: unknown, method: string): void {
    this.#calls += 1;
    const now = performance.now();
    if (now - this.#toldAt < this.#everyMs) return;
    this.#logger.warn({ err: error, method, calls: this.#calls }, "calls could not be served");
    this.#toldAt = now;
    this.#calls = 0;
  }
}
