import { OutsideError } from "./outside-error.ts";

const ATTEMPTS = 3;
const FIRST_MS = 200;
/** A host that wants more patience than this gets it from the job, not from a waiting call. */
const PATIENCE_MS = 5_000;
const WORTH_ANOTHER_TRY = new Set([429, 500, 502, 503, 504]);

/**
 * Retries are paid for by first calls, one for ten, with some saved up: a host that fails altogether is not asked three
 * times as often as one that is well.
 */
export class RetryBudget {
  static readonly #MOST = 10;
  #saved = RetryBudget.#MOST / 2;

  earn(): void {
    this.#saved = Math.min(RetryBudget.#MOST, this.#saved + 0.1);
  }

  spend(): boolean {
    if (this.#saved < 1) return false;
    this.#saved -= 1;
    return true;
  }
}

/**
 * Milliseconds to wait before a repeatable request is sent once more, after its nth attempt; undefined: what there is
 * now is what the caller gets. With full jitter, so that those who failed together do not come back together.
 */
export function pauseBeforeRetry(
  attempt: number,
  outcome: { status: number; retryAfterSeconds?: number } | OutsideError,
): number | undefined {
  if (attempt >= ATTEMPTS || !isWorthIt(outcome)) return undefined;
  const asked_ms = (outcome.retryAfterSeconds ?? 0) * 1000;
  if (asked_ms > PATIENCE_MS) return undefined;
  return asked_ms + Math.random() * FIRST_MS * 2 ** attempt;
}

/** An error that names a time was made here: the host rests, or its limit is used up. */
function isWorthIt(outcome: { status: number } | OutsideError): boolean {
  if (outcome instanceof OutsideError) return outcome.retryAfterSeconds === null;
  return WORTH_ANOTHER_TRY.has(outcome.status);
}

/** `Retry-After` as seconds from now, whether it states seconds or a date; undefined: it states neither. */
export function retryAfterOf(headers: Headers, now: Date): number | undefined {
  const value = headers.get("retry-after")?.trim() ?? "";
  if (/^\d{1,9}$/.test(value)) return Number(value);
  const at = value === "" ? Number.NaN : Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, Math.ceil((at - now.getTime()) / 1000));
}
