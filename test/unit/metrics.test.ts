import { describe, expect, it } from "vitest";
import { createMetrics, type Metrics } from "../../src/telemetry/metrics.ts";
import { createOutsideMetrics } from "../../src/telemetry/outside-metrics.ts";
import { measureCalls, measureLoops, measurePools } from "../../src/telemetry/process-metrics.ts";

/** The lines of one metric, without those that explain it. */
async function linesOf({ registry }: Metrics, name: string): Promise<string[]> {
  return (await registry.metrics()).split("\n").filter((line) => line.startsWith(name) && line.includes(" "));
}

function collect(
  metrics: Metrics,
  read: () => Promise<number>,
  options: { everyMs?: number; limitMs?: number } = {},
) {
  metrics.collectors.add({
    name: "it",
    gauges: { wms_it: { help: "It." }, wms_it_by_kind: { help: "It.", labels: ["kind"] } },
    read: async () => {
      const value = await read();
      return { wms_it: [{ value }], wms_it_by_kind: [{ labels: { kind: "a" }, value }] };
    },
    ...options,
  });
}

describe("a scrape", () => {
  it("shows what collectors read, all gauges of one by one reading, and asks again only after a while", async () => {
    const metrics = createMetrics();
    let asked = 0;
    collect(metrics, async () => ++asked, { everyMs: 60_000 });
    const [one, two] = await Promise.all([metrics.registry.metrics(), metrics.registry.metrics()]);
    for (const text of [one, two, await metrics.registry.metrics()]) {
      expect(text).toContain("\nwms_it 1\n");
      expect(text).toContain('\nwms_it_by_kind{kind="a"} 1\n');
    }
    expect(asked).toBe(1);
  });

  it("leaves out what fails, counts it, and shows it again when it is back", async () => {
    const told: unknown[] = [];
    const metrics = createMetrics((collector, error) => told.push([collector, String(error)]));
    let broken = false;
    const read = async () => {
      if (broken) throw new Error("gone");
      return 7;
    };
    collect(metrics, read, { everyMs: 0 });
    expect(await linesOf(metrics, "wms_it")).toEqual(["wms_it 7", 'wms_it_by_kind{kind="a"} 7']);
    expect(await linesOf(metrics, "wms_scrape_failures_total")).toEqual([
      'wms_scrape_failures_total{collector="it"} 0',
    ]);
    broken = true;
    expect(await linesOf(metrics, "wms_it")).toEqual([]);
    expect(await linesOf(metrics, "process_start_time_seconds")).toHaveLength(1);
    expect(await linesOf(metrics, "wms_scrape_failures_total")).toEqual([
      'wms_scrape_failures_total{collector="it"} 2',
    ]);
    expect(told[0]).toEqual(["it", "Error: gone"]);
    broken = false;
    expect(await linesOf(metrics, "wms_it")).toHaveLength(2);
  });

  it("does not wait for what hangs, and asks it nothing more while it does", async () => {
    const metrics = createMetrics();
    let asked = 0;
    const end = Promise.withResolvers<number>();
    collect(metrics, () => (++asked, end.promise), { limitMs: 50, everyMs: 60_000 });
    const started = performance.now();
    for (const _ of [1, 2, 3]) expect(await linesOf(metrics, "wms_it")).toEqual([]);
    expect(performance.now() - started).toBeLessThan(1_500);
    expect(asked).toBe(1);
    end.resolve(3);
    expect(await linesOf(metrics, "wms_it")).toEqual(["wms_it 3", 'wms_it_by_kind{kind="a"} 3']);
  });
});

describe("the process' own metrics", () => {
  it("show what the loops that it runs have done", async () => {
    const metrics = createMetrics();
    const lastProgressAt = new Date(1_800_000_000_500);
    const progress = { lastProgressAt, processed: 3, trimmed: 0, recovered: 2 };
    measureLoops(metrics.registry, {
      consumer: () => progress,
      relay: () => ({ lastProgressAt, published: 9, lost: 1, leader: true }),
    });
    await metrics.registry.metrics();
    progress.processed = 5;
    expect([...(await linesOf(metrics, "wms_consumer")), ...(await linesOf(metrics, "wms_relay"))]).toEqual([
      "wms_consumer_last_progress_timestamp_seconds 1800000000.5",
      "wms_consumer_processed_total 5",
      "wms_consumer_trimmed_total 0",
      "wms_consumer_recovered_total 2",
      "wms_relay_leader 1",
      "wms_relay_last_progress_timestamp_seconds 1800000000.5",
      "wms_relay_published_total 9",
      "wms_relay_lost_total 1",
    ]);
    expect(await linesOf(metrics, "wms_jobs")).toEqual([]);
  });

  it("show the calls in work and the streams that are open", async () => {
    const metrics = createMetrics();
    measureCalls(metrics.registry, { inFlight: 3, streams: 2 });
    expect(await linesOf(metrics, "wms_rpc_in_flight")).toEqual(["wms_rpc_in_flight 3"]);
    expect(await linesOf(metrics, "wms_rpc_streams")).toEqual(["wms_rpc_streams_open 2"]);
  });

  it("show connections by pool", async () => {
    const metrics = createMetrics();
    measurePools(metrics.registry, new Map([["rpc", { state: { total: 4, idle: 1, waiting: 2 } }]]));
    expect(await linesOf(metrics, "wms_pool")).toEqual([
      'wms_pool_connections{pool="rpc",state="total"} 4',
      'wms_pool_connections{pool="rpc",state="idle"} 1',
      'wms_pool_connections{pool="rpc",state="waiting"} 2',
    ]);
  });

  it("show calls to the outside by outcome, and whom they leave in peace", async () => {
    const metrics = createMetrics();
    const outside = createOutsideMetrics(metrics.registry);
    for (const status_code of [200, 302, 404, 503, null])
      outside.observeCall({ service: "fedex", endpoint: "track", status_code, duration_ms: 1_500 });
    outside.showBreaker({ service: "fedex", host: "apis.fedex.com", state: "half_open" });
    const by = (outcome: string, calls: number) =>
      `wms_outside_calls_total{service="fedex",operation="track",outcome="${outcome}"} ${calls}`;
    expect(await linesOf(metrics, "wms_outside_calls_total")).toEqual([
      by("ok", 2),
      by("refused", 1),
      by("error", 1),
      by("no_answer", 1),
    ]);
    expect(await linesOf(metrics, "wms_outside_call_seconds_sum")).toEqual([
      'wms_outside_call_seconds_sum{service="fedex",operation="track"} 7.5',
    ]);
    expect(await linesOf(metrics, "wms_outside_breaker")).toEqual([
      'wms_outside_breaker_open{service="fedex",host="apis.fedex.com"} 0.5',
    ]);
  });
});
