import type { LabelAttemptStatus } from "./vocabulary.ts";

/** What one can expect of a carrier whose answer to a purchase was lost. */
export interface RepeatRule {
  repeat: "idempotent" | "lookup" | "never";
  /** How long what was bought may be missing from a look-up, in seconds. */
  settleSeconds?: number;
  /** How long it knows a reference again, in hours; left out: for ever. */
  remembersHours?: number;
}

/** How a purchase that is wanted stands. */
export interface AttemptStanding {
  status: LabelAttemptStatus;
  /** Calls made for it so far. */
  tries: number;
  /** Since the last call was begun; null: none was. */
  called_seconds: number | null;
  /** Since the first call whose answer is not known; null: nothing is out. */
  doubted_seconds: number | null;
}

export type PurchaseStep =
  | { step: "buy" }
  /** Ask what was bought under the reference, and buy only what was not. */
  | { step: "look_up" }
  | { step: "wait"; seconds: number }
  /** Somebody has to find out. */
  | { step: "review"; why: string };

const SETTLE_SECONDS = 60;

/** What to do next about a wanted purchase that nobody is at, so that nothing is ever bought twice. */
export function nextStep(attempt: AttemptStanding, carrier: RepeatRule): PurchaseStep {
  if (attempt.status === "open") {
    // Nothing is out, as far as we were told; where looking costs nothing, we look.
    return { step: carrier.repeat === "lookup" && attempt.tries > 0 ? "look_up" : "buy" };
  }
  if (carrier.repeat === "never")
    return { step: "review", why: "the answer was lost, and the carrier can't tell what became of it" };
  if (carrier.repeat === "lookup") return lookUpWhenSettled(attempt, carrier);
  const { remembersHours = Number.POSITIVE_INFINITY } = carrier;
  if ((attempt.doubted_seconds ?? 0) > remembersHours * 3600)
    return { step: "review", why: `the answer was lost more than ${remembersHours} hours ago` };
  return { step: "buy" };
}

function lookUpWhenSettled(
  { called_seconds }: AttemptStanding,
  { settleSeconds = SETTLE_SECONDS }: RepeatRule,
): PurchaseStep {
  const left = settleSeconds - (called_seconds ?? 0);
  return left > 0 ? { step: "wait", seconds: left } : { step: "look_up" };
}

/** What an error of the port says about a purchase. `unknown` is everything that doesn't say it clearly. */
export type PurchaseVerdict = "refused" | "not_done" | "unknown";

export type AfterFailure =
  | "refuse"
  /** Nothing is out: try again later. */
  | "excuse"
  /** It may have been bought: find out when trying again. */
  | "keep"
  /** It may have been bought, and nobody but a human can find out. */
  | "doubt";

/** `clean`: apart from this call nothing was out, so that what the carrier says of it is the whole truth. */
export function afterFailure(verdict: PurchaseVerdict, clean: boolean, { repeat }: RepeatRule): AfterFailure {
  if (verdict !== "unknown" && clean) return verdict === "refused" ? "refuse" : "excuse";
  if (verdict === "refused") return "doubt"; // a no to the second call says nothing about the first
  return verdict === "unknown" && repeat === "never" ? "doubt" : "keep";
}
