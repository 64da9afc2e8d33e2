export interface RateLimit {
  calls: number;
  seconds: number;
}

/** So many calls in so many seconds, and after a quiet while so many at once. */
export class TokenBucket {
  readonly #capacity: number;
  readonly #perMs: number;
  #tokens: number;
  #filledAt: number;

  constructor({ calls, seconds }: RateLimit, now: number) {
    this.#capacity = calls;
    this.#perMs = calls / (seconds * 1000);
    this.#tokens = calls;
    this.#filledAt = now;
  }

  /**
   * Milliseconds to wait before the call may be made; whoever takes a turn keeps it. A turn further away than `max_ms`
   * is not taken: then `taken` is false.
   */
  take(now: number, max_ms: number): { taken: boolean; wait_ms: number } {
    this.#tokens = Math.min(this.#capacity, this.#tokens + (now - this.#filledAt) * this.#perMs);
    this.#filledAt = now;
    const wait_ms = this.#tokens >= 1 ? 0 : (1 - this.#tokens) / this.#perMs;
    if (wait_ms > max_ms) return { taken: false, wait_ms };
    this.#tokens -= 1;
    return { taken: true, wait_ms };
  }
}
