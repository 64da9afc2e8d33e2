import { setTimeout as delay } from "node:timers/promises";
import { type RateLimit, TokenBucket } from "../outside/token-bucket.ts";
import { CarrierUnavailable } from "./carrier.ts";

/** So long a call waits for its turn; when that is further away, it is up to the caller to come back. */
const LONGEST_WAIT_MS = 5_000;

/** For a quota that is for one kind of call only. Each process keeps to it by itself. */
export function createPace(what: string, { calls, seconds }: RateLimit): () => Promise<void> {
  const bucket = new TokenBucket({ calls, seconds }, performance.now());
  return async () => {
    const { taken, wait_ms } = bucket.take(performance.now(), LONGEST_WAIT_MS);
    if (!taken)
      throw new CarrierUnavailable(
        `${what} may be asked no more than ${calls} times in ${seconds} s`,
        Math.ceil(wait_ms / 1000),
      );
    if (wait_ms > 0) await delay(wait_ms);
  };
}
