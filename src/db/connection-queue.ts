import type { Patience } from "./patience.ts";

/** When no place has become free for this long, those who wait are told so: a moving crowd is served in turn. */
const STALLED_MS = 1_200;
/** How often it is looked who waits in vain. */
const LOOK_MS = 100;
/** The longest anybody waits, also where nobody waits for him. */
const MAX_WAIT_MS = 20_000;
/** How much the latest use counts in the mean. */
const WEIGHT = 0.1;

/** All connections are in use, and waiting for one is pointless. */
export class PoolBusyError extends Error {
  override readonly name = "PoolBusyError";
}

interface Waiting {
  /** Unix milliseconds. */
  deadline: number;
  admit(): void;
  refuse(error: unknown): void;
}

/**
 * Who waits for one of so many places. Whoever will not be served before he gives up is refused as soon as that can be
 * told, and whoever has gone is forgotten.
 */
export class ConnectionQueue {
  readonly #places: number;
  /** Work that has been begun is finished first: under load, nothing would ever be finished otherwise. */
  readonly #begun = new Set<Waiting>();
  readonly #fresh = new Set<Waiting>();
  /** On the clock of `performance.now()`. */
  #movedAt = performance.now();
  /** Of the present rush: zero until somebody has been served in it. */
  #meanUseMs = 0;
  #look: NodeJS.Timeout | undefined;

  constructor(places: number) {
    this.#places = places;
  }

  get size(): number {
    return this.#begun.size + this.#fresh.size;
  }

  /** Settles when a place is given to the caller, or rejects: with `PoolBusyError`, or with why he has gone. */
  wait(patience: Patience | undefined, isBegun: boolean): Promise<void> {
    if (this.#isStalled()) throw stalled();
    if (this.size === 0) this.#meanUseMs = 0;
    const deadline = Math.min(patience?.deadline ?? Number.POSITIVE_INFINITY, Date.now() + MAX_WAIT_MS);
    const ahead = this.#begun.size + (isBegun ? 0 : this.#fresh.size);
    if (this.#isTooLate(ahead, deadline)) throw tooLate();
    this.#lookAgain();
    return stand(isBegun ? this.#begun : this.#fresh, deadline, patience?.signal);
  }

  /** Gives a place to whoever is next. False: nobody waits. */
  admitNext(): boolean {
    const [next] = this.#begun.size > 0 ? this.#begun : this.#fresh;
    next?.admit();
    return next !== undefined;
  }

  /** Somebody has got a place, or a connection. */
  moved(): void {
    this.#movedAt = performance.now();
  }

  /** Somebody has given a connection back. A use that lasted very long says little about the next ones. */
  served(usedMs: number): void {
    this.moved();
    const difference = Math.min(usedMs, STALLED_MS) - this.#meanUseMs;
    this.#meanUseMs += this.#meanUseMs === 0 ? difference : difference * WEIGHT;
  }

  #lookAgain(): void {
    if (this.#look) return;
    this.#look = setTimeout(() => {
      this.#look = undefined;
      const waiting = [...this.#begun, ...this.#fresh];
      if (waiting.length > 0) this.#lookAgain();
      if (this.#isStalled()) for (const one of waiting) one.refuse(stalled());
      else
        for (const [ahead, one] of waiting.entries())
          if (this.#isTooLate(ahead, one.deadline)) one.refuse(tooLate());
    }, LOOK_MS);
  }

  #isStalled(): boolean {
    return performance.now() - this.#movedAt >= STALLED_MS;
  }

  #isTooLate(ahead: number, deadline: number): boolean {
    const expectedMs = ((ahead + 1) * this.#meanUseMs) / this.#places;
    return Date.now() + expectedMs > deadline;
  }
}

function stand(line: Set<Waiting>, deadline: number, signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const leave = () => {
    line.delete(waiting);
    signal?.removeEventListener("abort", giveUp);
  };
  const refuse = (error: unknown) => {
    leave();
    reject(error);
  };
  const giveUp = () => refuse(signal?.reason);
  const admit = () => {
    leave();
    resolve();
  };
  const waiting: Waiting = { deadline, admit, refuse };
  signal?.addEventListener("abort", giveUp);
  line.add(waiting);
  return promise;
}

function stalled(): PoolBusyError {
  return new PoolBusyError("all connections are in use, and none has come back for a while");
}

function tooLate(): PoolBusyError {
  return new PoolBusyError("all connections are in use, and others wait already");
}
