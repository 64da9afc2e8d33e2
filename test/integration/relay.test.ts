import { type ChildProcess, spawn } from "node:child_process";
import type { Redis } from "ioredis";
import { sql } from "kysely";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { appendEvents } from "../../src/db/outbox.ts";
import { inTransaction } from "../../src/db/transaction.ts";
import { event } from "../../src/domain/events.ts";
import { type Relay, startRelay } from "../../src/events/relay.ts";
import { trimStreams } from "../../src/events/trim-streams.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { type TestRedis, testRedis } from "../support/redis.ts";
import { openRedis, readStream, silent } from "../support/streams.ts";
import { until } from "../support/until.ts";

const PICKING = "wms:events:picking";
const SHIPMENT = "wms:events:shipment";

let test: TestDatabase;
let server: TestRedis;
let redis: Redis;
const relays: Relay[] = [];
const children: ChildProcess[] = [];

beforeEach(async () => {
  [test, server] = await Promise.all([testDatabase(), testRedis()]);
  redis = openRedis(server.url);
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await Promise.all(relays.splice(0).map((relay) => relay.stop()));
  redis.disconnect();
  await Promise.all([test.close(), server.close()]);
});

function relay(pollMs = 20): Relay {
  const started = startRelay({ databaseUrl: test.url, redisUrl: server.url, logger: silent, pollMs });
  relays.push(started);
  return started;
}

/** A relay in a process of its own, so that it can be killed or frozen. */
function relayProcess(): ChildProcess {
  const module = new URL("../../src/events/relay.ts", import.meta.url).href;
  const script = `const { startRelay } = await import(${JSON.stringify(module)});
    const logger = { info() {}, warn() {}, error() {} };
    startRelay({ databaseUrl: ${JSON.stringify(test.url)}, redisUrl: ${JSON.stringify(server.url)}, logger, pollMs: 5 });`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "inherit" });
  children.push(child);
  return child;
}

/** One transaction: the next event of each of these tasks. */
async function commit(tasks: readonly number[]): Promise<void> {
  const events = tasks.map((task_id) => event("picking.started", { task_id, order_id: 1, worker_id: 2 }));
  await inTransaction(test.db, (trx) => appendEvents(trx, events));
}

async function unpublished(): Promise<bigint> {
  const { rows } = await sql<{ count: bigint }>`
    select count(*) from outbox where published_at is null`.execute(test.db);
  return rows[0]?.count ?? -1n;
}

const allPublished = (deadlineMs?: number) =>
  until("everything is published", async () => (await unpublished()) === 0n, deadlineMs);

/** The sequences of each aggregate as they stand on the stream. */
async function sequences(stream = PICKING): Promise<Map<string, number[]>> {
  const found = new Map<string, number[]>();
  for (const { fields } of await readStream(redis, stream)) {
    const key = fields["aggregate_id"] ?? "";
    found.set(key, [...(found.get(key) ?? []), Number(fields["sequence"])]);
  }
  return found;
}

/** The first time that each was seen: what a subscriber is left with that skips what it knows. */
const firstSeen = (numbers: readonly number[]) => [...new Set(numbers)];
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

describe("the relay", () => {
  it("publishes flat string fields, as the contract names them", async () => {
    const before = Math.floor(Date.now() / 1000);
    await inTransaction(test.db, (trx) =>
      appendEvents(trx, [event("shipment.created", { shipment_id: 5, order_id: 9n, tracking_number: "T1" })]),
    );
    relay();
    await allPublished();
    const [entry] = await readStream(redis, SHIPMENT);
    const { rows } = await sql<{ id: string }>`select id from outbox`.execute(test.db);
    expect(entry?.fields).toEqual({
      type: "shipment.created",
      shipment_id: "5",
      order_id: "9",
      tracking_number: "T1",
      timestamp: expect.stringMatching(/^\d{10}$/),
      event_id: rows[0]?.id,
      aggregate_id: "shipment:5",
      sequence: "1",
    });
    expect(Number(entry?.fields["timestamp"])).toBeGreaterThanOrEqual(before);
  });

  it("keeps each aggregate's order, once each, with two relays and several writers", async () => {
    const pair = [relay(), relay()];
    const writers = upTo(4).map(async (writer) => {
      for (let round = 0; round < 40; round++) await commit([writer, 100, 200 + (round % 3)]);
    });
    await Promise.all(writers);
    await allPublished();
    const seen = await sequences();
    expect(seen.get("picking_task:100")).toEqual(upTo(160));
    for (const numbers of seen.values()) expect(numbers).toEqual(upTo(numbers.length));
    expect(new Set(pair.map((one) => one.progress().leader))).toEqual(new Set([false, true]));
    expect(pair[0]!.progress().published + pair[1]!.progress().published).toBe(480);
  });

  it("is followed by another when it is killed; nothing is lost and order holds", async () => {
    const first = relayProcess();
    await commit([1]);
    await allPublished();
    const second = relay();
    for (let round = 0; round < 60; round++) {
      await commit([1, 2, 3]);
      if (round === 20) first.kill("SIGKILL");
    }
    await until("the second leads", async () => second.progress().leader);
    await allPublished();
    const seen = await sequences();
    expect(firstSeen(seen.get("picking_task:1") ?? [])).toEqual(upTo(61));
    expect(firstSeen(seen.get("picking_task:2") ?? [])).toEqual(upTo(60));
  });

  it("loses the lead when it is frozen, and the frozen one gives way when it wakes", async () => {
    const first = relayProcess();
    await commit([1]);
    await allPublished();
    first.kill("SIGSTOP");
    const second = relay();
    await commit([1]);
    await allPublished(20_000);
    expect(second.progress().leader).toBe(true);
    first.kill("SIGCONT");
    for (let round = 0; round < 10; round++) await commit([1]);
    await allPublished();
    expect(firstSeen((await sequences()).get("picking_task:1") ?? [])).toEqual(upTo(12));
    expect(second.progress().leader).toBe(true);
  });

  it("goes on after its database session was ended", async () => {
    const one = relay();
    await until("it leads", async () => one.progress().leader);
    await sql`select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'warehouse-relay' and datname = current_database()`.execute(test.db);
    await commit([1, 2]);
    await allPublished();
    expect([...(await sequences()).keys()].sort()).toEqual(["picking_task:1", "picking_task:2"]);
  });

  // It starves the whole server, which must then be nobody else's.
  it.skipIf(process.env["TEST_REDIS_URL"])(
    "waits for Redis, and publishes when it takes writes again",
    async () => {
      await redis.config("SET", "maxmemory", "1");
      relay();
      for (let round = 0; round < 5; round++) await commit([1]);
      await until("it is refused", async () => (await redis.info("errorstats")).includes("errorstat_OOM"));
      expect(await unpublished()).toBe(5n);
      await redis.config("SET", "maxmemory", "0");
      await allPublished();
      expect((await sequences()).get("picking_task:1")).toEqual(upTo(5));
    },
  );

  it("holds back only the stream that is broken", async () => {
    await redis.set(PICKING, "no stream");
    await commit([1]);
    await inTransaction(test.db, (trx) => appendEvents(trx, [event("shipment.created", { shipment_id: 5 })]));
    relay();
    await until("only the broken stream's event waits", async () => (await unpublished()) === 1n);
    expect(await redis.xlen(SHIPMENT)).toBe(1);
    await redis.del(PICKING);
    await allPublished();
    expect(await redis.xlen(SHIPMENT)).toBe(1);
    expect(await redis.xlen(PICKING)).toBe(1);
  });

  it("publishes what was committed before it is told to stop", async () => {
    const one = relay(5_000);
    await until("it leads", async () => one.progress().leader);
    await commit([1]);
    await one.stop();
    expect(await unpublished()).toBe(0n);
  });

  it("trims what is old, but nothing that a group has not finished", async () => {
    for (let entry = 1; entry <= 300; entry++) {
      await redis.xadd(PICKING, `${entry}-0`, "type", "old");
      await redis.xadd(SHIPMENT, `${entry}-0`, "type", "old");
    }
    await redis.xgroup("CREATE", PICKING, "subscriber", "0");
    await redis.xreadgroup("GROUP", "subscriber", "one", "COUNT", 200, "STREAMS", PICKING, ">");
    await redis.xack(PICKING, "subscriber", ...upTo(150).map((entry) => `${entry}-0`));
    await trimStreams(redis);
    const kept = await readStream(redis, PICKING);
    expect(kept.length).toBeLessThan(300);
    expect(kept.map((entry) => entry.id)).toEqual(expect.arrayContaining(["151-0", "200-0", "300-0"]));
    expect(await redis.xlen(SHIPMENT)).toBeLessThan(100);
  });
});
