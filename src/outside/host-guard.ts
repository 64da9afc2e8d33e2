import { setTimeout as delay } from "node:timers/promises";
import {
  BrokenCircuitError,
  BulkheadRejectedError,
  bulkhead,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  DelegateBackoff,
  handleType,
} from "cockatiel";
import type { WireAnswer } from "./exchange.ts";
import { OutsideError } from "./outside-error.ts";
import { type RateLimit, TokenBucket } from "./token-bucket.ts";

export interface HostLimits {
  /** Calls to the host at once by this process; so many more may wait. */
  concurrency: number;
  queue: number;
  /** So many failures in a row, and the host is left in peace. */
  failures: number;
  /** For how long, before one call tries again; each time it fails, twice as long, up to the longest. */
  restMs: number;
  longestRestMs: number;
  /** How long a call may wait for its turn under the host's limit on calls. */
  turnMs: number;
}

export const HOST_LIMITS: HostLimits = {
  concurrency: 10,
  queue: 200,
  failures: 5,
  restMs: 5_000,
  longestRestMs: 60_000,
  turnMs: 10_000,
};

/** `open`: the host is left in peace. `half_open`: one call tries whether it is back. */
export type BreakerState = "closed" | "open" | "half_open";

export interface BreakerChange {
  service: string;
  /** Such as `apis.fedex.com`. */
  host: string;
  state: BreakerState;
  /** Since when it has not answered well; null: it does. */
  down_since: Date | null;
}

const STATES: Record<CircuitState, BreakerState> = {
  [CircuitState.Closed]: "closed",
  [CircuitState.Open]: "open",
  [CircuitState.HalfOpen]: "half_open",
  [CircuitState.Isolated]: "open",
};

/** The host is there, and not able to do its work. */
const DOWN = new Set([500, 502, 503, 504]);

/** One host of somebody else's, as this process sees it: a breaker, a bulkhead and the host's own limit on calls. */
export class HostGuard {
  readonly #name: string;
  readonly #limits: HostLimits;
  readonly #bulkhead;
  readonly #breaker;
  #bucket: { limit: RateLimit; tokens: TokenBucket } | undefined;
  #restsUntil = 0;
  #downSince: Date | null = null;

  constructor(
    subject: { service: string; host: string },
    limits: HostLimits,
    onChange: (change: BreakerChange) => void,
  ) {
    this.#name = `${subject.service} (${subject.host})`;
    this.#limits = limits;
    this.#bulkhead = bulkhead(limits.concurrency, limits.queue);
    this.#breaker = circuitBreaker(handleType(OutsideError).orWhenResult(isDown), {
      breaker: new ConsecutiveBreaker(limits.failures),
      halfOpenAfter: new DelegateBackoff<{ attempt: number }>(({ attempt }) => this.#rest(attempt)),
    });
    this.#breaker.onStateChange((state) => {
      if (state === CircuitState.Closed) this.#downSince = null;
      else this.#downSince ??= new Date();
      onChange({ ...subject, state: STATES[state], down_since: this.#downSince });
    });
  }

  /** Makes the call when the host is up to it; else throws OutsideError `not_sent`. */
  async run(call: () => Promise<WireAnswer>, limit: RateLimit | null): Promise<WireAnswer> {
    // While the host rests, nobody takes a turn for nothing.
    if (limit && this.#breaker.state !== CircuitState.Open) await this.#awaitTurn(limit);
    try {
      return await this.#bulkhead.execute(() => this.#breaker.execute(call));
    } catch (error) {
      if (error instanceof BrokenCircuitError)
        throw this.#notSent("does not answer, and is left in peace", this.#restsUntil - Date.now());
      if (error instanceof BulkheadRejectedError) throw this.#notSent("has too many calls waiting", 1_000);
      throw error;
    }
  }

  #rest(attempt: number): number {
    const rest = Math.min(this.#limits.longestRestMs, this.#limits.restMs * 2 ** (attempt - 1));
    this.#restsUntil = Date.now() + rest;
    return rest;
  }

  async #awaitTurn(limit: RateLimit): Promise<void> {
    if (this.#bucket?.limit !== limit)
      this.#bucket = { limit, tokens: new TokenBucket(limit, performance.now()) };
    const { taken, wait_ms } = this.#bucket.tokens.take(performance.now(), this.#limits.turnMs);
    if (!taken) throw this.#notSent(`takes no more than ${limit.calls} calls in ${limit.seconds} s`, wait_ms);
    if (wait_ms > 0) await delay(wait_ms);
  }

  #notSent(why: string, wait_ms: number): OutsideError {
    const retryAfterSeconds = Math.max(1, Math.ceil(wait_ms / 1000));
    return new OutsideError(`${this.#name} ${why}`, "not_sent", { retryAfterSeconds });
  }
}

function isDown(answer: unknown): boolean {
  return DOWN.has((answer as WireAnswer).status);
}
