import type { HostAnswer } from "./http-messages.ts";

/** What goes wrong with one call. `before` it has an effect, or `after`: the host has done it, the caller isn't told. */
export type Fault =
  | { kind: "slow"; ms: number }
  | { kind: "cut"; when: "before" | "after" }
  /** In the host's own error body. */
  | { kind: "status"; when: "before" | "after"; status: number; code?: string; retryAfter?: string }
  /** Anything else: a page of HTML, a no inside a 200, half an answer. */
  | { kind: "answer"; when: "before" | "after"; answer: HostAnswer };

interface PlannedFault {
  /** Of every operation, when left out. */
  operation: string | undefined;
  fault: Fault;
  times: number;
  /** So many calls go well before. */
  skip: number;
}

interface RateLimit {
  operation: string;
  calls: number;
  seconds: number;
  taken: number[];
}

export interface Faults {
  plan(fault: Fault, options?: { operation?: string; times?: number; skip?: number }): void;
  /** From now on so many calls are answered in so many seconds, the rest with a 429. */
  limit(operation: string, calls: number, seconds: number): void;
  take(operation: string): Fault | undefined;
  /** Seconds to wait, when the call is one too many. */
  overLimit(operation: string): number | undefined;
  /** What was planned and has not happened. */
  pending(): number;
  /** Nothing goes wrong any more. */
  clear(): void;
}

export function createFaults(): Faults {
  let planned: PlannedFault[] = [];
  const limits: RateLimit[] = [];
  return {
    plan(fault, { operation, times = 1, skip = 0 } = {}) {
      planned.push({ operation, fault, times, skip });
    },
    limit(operation, calls, seconds) {
      limits.push({ operation, calls, seconds, taken: [] });
    },
    take(operation) {
      const next = planned.find((one) => one.operation === undefined || one.operation === operation);
      if (!next) return undefined;
      next.skip -= 1;
      if (next.skip >= 0) return undefined;
      next.times -= 1;
      planned = planned.filter((one) => one.times > 0);
      return next.fault;
    },
    overLimit(operation) {
      const now = performance.now();
      for (const limit of limits.filter((one) => one.operation === operation)) {
        limit.taken = limit.taken.filter((at) => now - at < limit.seconds * 1000);
        const [oldest] = limit.taken;
        if (oldest !== undefined && limit.taken.length >= limit.calls)
          return Math.ceil(limit.seconds - (now - oldest) / 1000);
        limit.taken.push(now);
      }
      return undefined;
    },
    clear() {
      planned = [];
    },
    pending: () => planned.reduce((sum, { times }) => sum + times, 0),
  };
}
