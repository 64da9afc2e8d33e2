import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_ATTEMPTS } from "../../src/db/jobs.ts";
import {
  type AttemptStanding,
  afterFailure,
  nextStep,
  type RepeatRule,
} from "../../src/domain/label-purchase.ts";
import { pauseAfter } from "../../src/jobs/retries.ts";

const rule = fc.record({
  repeat: fc.constantFrom("idempotent" as const, "lookup" as const, "never" as const),
});

/** What a call to a carrier comes to: what it does there, and what we are told. */
const call = fc.constantFrom(
  { sells: true, told: "bought" as const },
  { sells: true, told: "unknown" as const },
  { sells: false, told: "unknown" as const },
  { sells: false, told: "not_done" as const },
  { sells: false, told: "refused" as const },
  // And we die before we can write down what it came to.
  { sells: true, told: "nothing" as const },
  { sells: false, told: "nothing" as const },
);

/** A carrier's books, and an attempt that is tried until it is settled, as the job does it. */
function play(
  { repeat }: RepeatRule,
  calls: readonly (typeof call extends fc.Arbitrary<infer T> ? T : never)[],
) {
  const left = [...calls];
  let sold = 0;
  const attempt: AttemptStanding = {
    status: "open",
    tries: 0,
    called_seconds: null,
    doubted_seconds: null,
  };
  for (let turn = 0; turn < 50; turn++) {
    const next = nextStep(attempt, { repeat, settleSeconds: 0 });
    if (next.step === "wait") throw new Error("nobody is at it");
    if (next.step === "review") return { sold, end: "review" };
    const clean = attempt.status === "open";
    Object.assign(attempt, {
      status: "calling",
      tries: attempt.tries + 1,
      called_seconds: 1,
      doubted_seconds: 1,
    });
    if (next.step === "look_up" && sold > 0) return { sold, end: "bought" };
    const outcome = left.shift() ?? { sells: true, told: "bought" as const };
    if (outcome.sells) sold = repeat === "idempotent" ? 1 : sold + 1;
    if (outcome.told === "bought") return { sold, end: "bought" };
    if (outcome.told === "nothing") continue;
    const after = afterFailure(outcome.told, clean, { repeat });
    if (after === "refuse") return { sold, end: "refused" };
    if (after === "doubt") return { sold, end: "review" };
    if (after === "excuse") Object.assign(attempt, { status: "open", doubted_seconds: null });
  }
  throw new Error("never settled");
}

describe("a purchase, whatever its calls come to", () => {
  it("sells one label at most, one exactly when it ends bought, and none when it ends refused", () => {
    fc.assert(
      fc.property(rule, fc.array(call, { maxLength: 12 }), (how, calls) => {
        const { sold, end } = play(how, calls);
        expect(sold).toBeLessThanOrEqual(1);
        if (end === "bought") expect(sold).toBe(1);
        if (end === "refused") expect(sold).toBe(0);
      }),
      { numRuns: 5_000 },
    );
  });

  it("comes before a human only when the carrier offers nothing, or contradicts itself", () => {
    fc.assert(
      fc.property(rule, fc.array(call, { maxLength: 12 }), (how, calls) => {
        const { end } = play(how, calls);
        if (end !== "review") return;
        expect(how.repeat === "never" || calls.some(({ told }) => told === "refused")).toBe(true);
      }),
      { numRuns: 5_000 },
    );
  });

  it("waits for a look-up to show what was bought", () => {
    const calling = {
      status: "calling",
      tries: 1,
      called_seconds: 10,
      doubted_seconds: 10,
    } as const;
    expect(nextStep(calling, { repeat: "lookup" })).toEqual({ step: "wait", seconds: 50 });
    expect(nextStep({ ...calling, called_seconds: 60 }, { repeat: "lookup" })).toEqual({ step: "look_up" });
    expect(nextStep(calling, { repeat: "idempotent", remembersHours: 24 })).toEqual({ step: "buy" });
    expect(
      nextStep({ ...calling, doubted_seconds: 90_000 }, { repeat: "idempotent", remembersHours: 24 }).step,
    ).toBe("review");
  });
});

describe("the pauses of a failing job", () => {
  const policy = { first: 2, longest: 300 };

  it("grow to the longest and stay there, so that a day's outage is over within minutes of its end", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), (attempts) => {
        const pause = pauseAfter(policy, attempts, new Error("503"));
        expect(pause).toBeGreaterThanOrEqual(1);
        expect(pause).toBeLessThanOrEqual(300 * 1.25);
        if (attempts > 9) expect(pause).toBeGreaterThanOrEqual(300 * 0.75);
      }),
    );
    let day = 0;
    let attempts = 0;
    while (day < 86_400) day += pauseAfter(policy, ++attempts, undefined);
    expect(attempts).toBeLessThan(MAX_ATTEMPTS / 10);
  });

  it("do not grow for a job that only has to wait for its turn", () => {
    const pause = pauseAfter(policy, 30, { busy: true, retryAfterSeconds: 5 });
    expect(pause).toBeCloseTo(5.5, 0);
  });

  it("are as long as whoever failed asks for, and no longer than six hours", () => {
    expect(pauseAfter(policy, 1, { retryAfterSeconds: 60 })).toBeCloseTo(60.5, 0);
    expect(pauseAfter(policy, 20, { retryAfterSeconds: 60 })).toBeGreaterThan(200);
    expect(pauseAfter(policy, 1, { retryAfterSeconds: 1e9 })).toBeCloseTo(6 * 3600 + 0.5, 0);
  });
});
