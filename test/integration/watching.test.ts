import { status } from "@grpc/grpc-js";
import type { Redis } from "ioredis";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { OperationsService } from "../../gen/wms/v1/operations_service_pb.js";
import { insertDeadLetters } from "../../src/db/dead-letters.ts";
import { addJob } from "../../src/db/jobs.ts";
import { appendEvents } from "../../src/db/outbox.ts";
import { inTransaction } from "../../src/db/transaction.ts";
import { CONSUMER_GROUP, event, ORDER_STREAM } from "../../src/domain/events.ts";
import { serviceHandlers } from "../../src/rpc/service-handlers.ts";
import { measureProcess } from "../../src/start/measured.ts";
import { Opened } from "../../src/start/opened.ts";
import { openStreamLag } from "../../src/start/stream-lag.ts";
import { createMetrics, type Metrics } from "../../src/telemetry/metrics.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { type Doors, openDoors, TestClient } from "../support/doors.ts";
import { type Proxy, startProxy } from "../support/proxy.ts";
import { type TestRedis, testRedis } from "../support/redis.ts";
import { openRedis } from "../support/streams.ts";
import { until } from "../support/until.ts";

const { getStreamLag, listAlerts } = OperationsService.method;

const silent = pino({ level: "silent" });

let base: TestDatabase;
let server: TestRedis;
let redis: Redis;
/** Between the service and Redis; `redis` has its own line. */
let wire: Proxy;
let opened: Opened;
let metrics: Metrics;
let doors: Doors;
let client: TestClient;

beforeEach(async () => {
  [base, server] = await Promise.all([testDatabase(), testRedis()]);
  redis = openRedis(server.url);
  wire = await startProxy(server.url);
  opened = new Opened();
  metrics = createMetrics();
  const readLag = openStreamLag(wire.url, opened);
  const loops = { consumer: undefined, relay: undefined, jobs: undefined };
  measureProcess(metrics, { logger: silent, databaseUrl: base.url, loops, readLag }, opened);
  doors = await openDoors(
    serviceHandlers({ db: base.db, logger: silent, readStreamLag: () => readLag(base.db) }),
  );
  client = new TestClient(doors.grpcAddress);
});
afterEach(async () => {
  client.close();
  await doors.close();
  await opened.closeAll(silent);
  await wire.close();
  redis.disconnect();
  await Promise.all([base.close(), server.close()]);
});

/** A group that has two entries pending and one to come, an event to publish, a dead letter and a job. */
async function fallBehind(): Promise<void> {
  await redis.xgroup("CREATE", ORDER_STREAM, CONSUMER_GROUP, "0", "MKSTREAM");
  for (const n of [1, 2, 3]) await redis.xadd(ORDER_STREAM, "*", "n", n);
  await redis.xreadgroup("GROUP", CONSUMER_GROUP, "warehouse-0", "COUNT", 2, "STREAMS", ORDER_STREAM, ">");
  const place = { stream: ORDER_STREAM, entry_id: "1-1", event_id: "e", event_type: "order.confirmed" };
  await inTransaction(base.db, async (trx) => {
    await insertDeadLetters(trx, [{ ...place, payload: {}, reason: "no luck", trace: "", attempts: 8 }]);
    await addJob(trx, "buy_label", { shipment_id: "1" });
    await appendEvents(trx, [event("shipment.created", { shipment_id: 5 })]);
  });
}

async function scrape(): Promise<string[]> {
  return (await metrics.registry.metrics()).split("\n").filter((line) => line.startsWith("wms_"));
}

describe("GetStreamLag", () => {
  it("says how far groups and the relay are behind", async () => {
    expect(await client.call(getStreamLag, {})).toMatchObject({ streams: [], outbox: { unpublished: 0n } });
    await fallBehind();
    const { streams, outbox } = await client.call(getStreamLag, {});
    expect(streams).toMatchObject([
      { stream: ORDER_STREAM, group: CONSUMER_GROUP, length: 3n, lag: 1n, pending: 2n, consumers: 1 },
    ]);
    expect(streams[0]?.oldestPendingIdle).toBeDefined();
    expect(outbox).toMatchObject({ unpublished: 1n, oldestAge: expect.anything() });
    expect(Number(outbox?.oldestAge?.seconds)).toBeLessThan(60);
  });

  it.each(["cut", "black-holed"])(
    "answers UNAVAILABLE in time while Redis is %s, and well when it is back",
    async (how) => {
      await client.call(getStreamLag, {});
      if (how === "cut") wire.cut();
      else wire.blackHole();
      const started = performance.now();
      expect(await client.refusal(getStreamLag, {})).toMatchObject({
        code: status.UNAVAILABLE,
        reason: "DEPENDENCY_UNAVAILABLE",
        retryable: true,
        message: expect.stringContaining("the streams can't be reached"),
      });
      expect(performance.now() - started).toBeLessThan(2_300);
      wire.mend();
      await until("the streams are reached again", () => client.call(getStreamLag, {}), 15_000);
    },
  );
});

describe("ListAlerts", () => {
  it("fires when Redis is away, and tells what it knows all the same", async () => {
    await fallBehind();
    wire.cut();
    const { alerts } = await client.call(listAlerts, {});
    expect(alerts.map(({ name }) => name).sort()).toEqual(["dead_letters_open", "streams_unreachable"]);
    wire.mend();
    await until("Redis is back", async () => (await client.call(listAlerts, {})).alerts.length === 1);
  });
});

describe("/metrics", () => {
  it("shows streams, outbox, dead letters, jobs, alerts and pools", async () => {
    await fallBehind();
    const labels = `{stream="${ORDER_STREAM}",group="${CONSUMER_GROUP}"}`;
    await scrape();
    const lines = await scrape();
    for (const line of [
      `wms_stream_length{stream="${ORDER_STREAM}"} 3`,
      `wms_stream_lag${labels} 1`,
      `wms_stream_pending${labels} 2`,
      `wms_stream_consumers${labels} 1`,
      "wms_outbox_unpublished 1",
      "wms_dead_letters_open 1",
      'wms_jobs{state="waiting"} 1',
      'wms_jobs{state="dead"} 0',
      'wms_alerts_firing{name="dead_letters_open",severity="critical"} 1',
      'wms_pool_connections{pool="metrics",state="total"} 1',
    ])
      expect(lines).toContain(line);
  });

  it("answers in time when Redis is gone, without what only Redis knows", async () => {
    await fallBehind();
    wire.cut();
    const started = performance.now();
    const lines = await scrape();
    expect(performance.now() - started).toBeLessThan(4_000);
    expect(lines.filter((line) => /^wms_(stream|outbox)/.test(line))).toEqual([]);
    expect(lines).toContain("wms_dead_letters_open 1");
    expect(lines).toContain('wms_alerts_firing{name="streams_unreachable",severity="critical"} 1');
    expect(lines).toContain('wms_scrape_failures_total{collector="dead_letters"} 0');
    expect(await scrape()).toContain('wms_scrape_failures_total{collector="streams"} 1');
  });
});
