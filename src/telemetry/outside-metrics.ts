import { Counter, Gauge, Histogram, type Registry } from "prom-client";

interface Call {
  /** Such as `fedex`. */
  service: string;
  /** Such as `create_label`. */
  endpoint: string;
  /** null: no answer came. */
  status_code: number | null;
  duration_ms: number;
}

export interface OutsideMetrics {
  observeCall(call: Call): void;
  showBreaker(change: { service: string; host: string; state: "closed" | "open" | "half_open" }): void;
}

/** Calls to carriers and sales channels. */
export function createOutsideMetrics(registry: Registry): OutsideMetrics {
  const labelNames = ["service", "operation", "outcome"] as const;
  const calls = new Counter({
    name: "wms_outside_calls_total",
    help: "Calls to carriers and sales channels by outcome: ok, refused (4xx), error (5xx), no_answer.",
    labelNames,
    registers: [registry],
  });
  const duration = new Histogram({
    name: "wms_outside_call_seconds",
    help: "How long calls to carriers and sales channels took.",
    labelNames: ["service", "operation"],
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30],
    registers: [registry],
  });
  const breaker = new Gauge({
    name: "wms_outside_breaker_open",
    help: "1: this host is left in peace, since it does not answer; 0.5: one call tries whether it is back.",
    labelNames: ["service", "host"],
    registers: [registry],
  });
  return {
    observeCall: ({ service, endpoint: operation, status_code, duration_ms }) => {
      calls.inc({ service, operation, outcome: outcomeOf(status_code) });
      duration.observe({ service, operation }, duration_ms / 1000);
    },
    showBreaker: ({ service, host, state }) =>
      breaker.set({ service, host }, { closed: 0, half_open: 0.5, open: 1 }[state]),
  };
}

function outcomeOf(status: number | null): string {
  if (status === null) return "no_answer";
  if (status >= 500) return "error";
  return status >= 400 ? "refused" : "ok";
}
