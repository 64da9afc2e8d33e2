import { isWatched, type TailEvent, type Watched } from "../../db/outbox-tail.ts";

/** An event, and from where one goes on who has it. */
export interface Noted {
  event: TailEvent;
  position: bigint;
}

/** Who reads so slowly that more waits for him is told the present state instead. */
export const MOST_WAITING = 1_000;

/** What waits for one watcher. */
export class Mailbox {
  readonly #watched: Watched;
  #waiting: Noted[] = [];
  #overflown = false;
  #failure: { error: unknown } | undefined;
  #wake = () => {};
  /** Nothing that was told up to here is missing to one who has read all that waits. */
  settled = 0n;

  constructor(watched: Watched) {
    this.#watched = watched;
  }

  put(events: readonly TailEvent[], settled: bigint): void {
    for (const event of events) {
      const position = event.position < settled ? event.position : settled;
      if (isWatched(event, this.#watched)) this.#waiting.push({ event, position });
    }
    this.settled = settled;
    if (this.#waiting.length > MOST_WAITING) {
      this.#overflown = true;
      this.#waiting = [];
    }
    if (this.#overflown || this.#waiting.length > 0) this.#wake();
  }

  /** Whoever reads is told why nothing more comes. */
  fail(error: unknown): void {
    this.#failure = { error };
    this.#wake();
  }

  /** All that waits, or, after a while in which nothing came, nothing. "too much": some of it is gone. */
  async take(patienceMs: number, signal: AbortSignal): Promise<Noted[] | "too much"> {
    if (!this.#overflown && this.#waiting.length === 0) await this.#something(patienceMs, signal);
    if (this.#failure) throw this.#failure.error;
    const taken = this.#overflown ? "too much" : this.#waiting;
    this.#overflown = false;
    this.#waiting = [];
    return taken;
  }

  #something(patienceMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (this.#failure || signal.aborted) return resolve();
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, patienceMs);
      signal.addEventListener("abort", done);
      this.#wake = done;
    });
  }
}
