import { Counter, Gauge, type Registry } from "prom-client";

interface Loops {
  consumer?:
    | (() => { lastProgressAt: Date; processed: number; trimmed: number; recovered: number })
    | undefined;
  relay?: (() => { lastProgressAt: Date; published: number; lost: number; leader: boolean }) | undefined;
  jobs?: (() => { succeeded: number; failed: number }) | undefined;
}

/** What this process' loops have done since its start. A loop that it doesn't run has no metrics. */
export function measureLoops(registry: Registry, { consumer, relay, jobs }: Loops): void {
  if (consumer) {
    shown(
      registry,
      "wms_consumer_last_progress_timestamp_seconds",
      "When the order consumer last came round.",
      () => unixSeconds(consumer().lastProgressAt),
    );
    counted(
      registry,
      "wms_consumer_processed_total",
      "Order messages done with.",
      () => consumer().processed,
    );
    counted(
      registry,
      "wms_consumer_trimmed_total",
      "Order messages that were trimmed off the stream before they were done with.",
      () => consumer().trimmed,
    );
    counted(
      registry,
      "wms_consumer_recovered_total",
      "Order messages that nobody had in hand any more, taken again.",
      () => consumer().recovered,
    );
  }
  if (relay) {
    shown(registry, "wms_relay_leader", "1: this process publishes; 0: another one does.", () =>
      relay().leader ? 1 : 0,
    );
    shown(registry, "wms_relay_last_progress_timestamp_seconds", "When the relay last came round.", () =>
      unixSeconds(relay().lastProgressAt),
    );
    counted(
      registry,
      "wms_relay_published_total",
      "Events brought to their streams.",
      () => relay().published,
    );
    counted(registry, "wms_relay_lost_total", "Published events that Redis had lost.", () => relay().lost);
  }
  if (jobs) {
    counted(registry, "wms_jobs_succeeded_total", "Background jobs done.", () => jobs().succeeded);
    counted(
      registry,
      "wms_jobs_failed_total",
      "Attempts at background jobs that failed.",
      () => jobs().failed,
    );
  }
}

/** Calls that this process has in work, and streams that are open. */
export function measureCalls(registry: Registry, calls: { inFlight: number; streams: number }): void {
  shown(registry, "wms_rpc_in_flight", "Unary calls in work.", () => calls.inFlight);
  shown(registry, "wms_rpc_streams_open", "Streams that somebody watches.", () => calls.streams);
}

interface Pool {
  state: { total: number; idle: number; waiting: number };
}

/** Connections to the database by pool; `waiting` are callers who wait for one. */
export function measurePools(registry: Registry, pools: ReadonlyMap<string, Pool>): void {
  new Gauge({
    name: "wms_pool_connections",
    help: "Database connections of this process by pool: total and idle; and how many callers wait for one.",
    labelNames: ["pool", "state"],
    registers: [registry],
    collect() {
      for (const [pool, { state: counts }] of pools)
        for (const [state, count] of Object.entries(counts)) this.set({ pool, state }, count);
    },
  });
}

function shown(registry: Registry, name: string, help: string, read: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(read());
    },
  });
}

/** Something else counts; its count is shown. */
function counted(registry: Registry, name: string, help: string, read: () => number): void {
  new Counter({
    name,
    help,
    registers: [registry],
    collect() {
      this.reset();
      this.inc(read());
    },
  });
}

function unixSeconds(date: Date): number {
  return date.getTime() / 1000;
}
