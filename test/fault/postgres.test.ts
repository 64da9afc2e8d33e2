import { setTimeout as delay } from "node:timers/promises";
import { sql } from "kysely";
import pg from "pg";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { until } from "../support/until.ts";
import { Cluster } from "./harness/cluster.ts";
import { faultRow } from "./harness/fault-row.ts";
import { Prober } from "./harness/prober.ts";

describe("PostgreSQL dies, freezes, hangs and is slow", () => {
  let cluster: Cluster;
  const here = () => cluster;
  beforeAll(async () => {
    cluster = await Cluster.start();
  });
  afterAll(() => cluster?.discard());

  faultRow(10, "a writing transaction stays open for long", here, async ({ load }) => {
    const idler = new pg.Client({ connectionString: cluster.postgres.directUrl });
    await idler.connect();
    try {
      await idler.query("begin; insert into carriers (code, name) values ('idle', 'idle')");
      const held = performance.now();
      await load.reached(0.3);
      while (performance.now() - held < 6_000) {
        expect(await oldestUnpublishedMs(cluster)).toBeLessThan(2_000);
        await delay(100);
      }
    } finally {
      await idler.end();
    }
  });

  faultRow(11, "the reply to a COMMIT is lost, again and again", here, async ({ load }) => {
    for (let nth = 0; nth < 10; nth++) {
      cluster.postgres.proxy.dropNextReply(/commit/i);
      await delay(300);
    }
    await load.reached(0.5);
  });

  faultRow(12, "PostgreSQL is killed and comes back", here, async ({ load }) => {
    await load.reached(0.2);
    const prober = new Prober(cluster);
    await cluster.postgres.kill();
    await until("callers are told to come again", async () => {
      const probe = await prober.ask();
      console.log(probe);
      return probe.retryable;
    });
    await cluster.postgres.revive();
    const backAt = performance.now();
    await until("calls are served again", async () => (await prober.ask()).ok, 15_000);
    expect(performance.now() - backAt).toBeLessThan(10_000);
    prober.close();
  });

  faultRow(13, "backends are terminated in the middle of transactions", here, async ({ load }) => {
    for (let nth = 0; nth < 15; nth++) {
      await sql`select pg_terminate_backend(pid) from pg_stat_activity
        where application_name like 'warehouse%' and random() < 0.5`.execute(cluster.db);
      await delay(200);
    }
    await load.reached(0.5);
  });

  faultRow(14, "the lines to PostgreSQL go dead without a word", here, async ({ load }) => {
    await load.reached(0.2);
    const prober = new Prober(cluster);
    cluster.postgres.proxy.blackHole();
    const deadAt = performance.now();
    await until(
      "calls are served again by every process",
      async () => (await prober.askAll()).every((one) => one.ok),
      30_000,
    );
    expect(performance.now() - deadAt).toBeLessThan(15_000); // 10 s on a machine with nothing else to do
    prober.close();
  });

  faultRow(15, "PostgreSQL freezes for 30 seconds", here, async ({ load }) => {
    await load.reached(0.2);
    const prober = new Prober(cluster);
    cluster.postgres.freeze();
    try {
      const end = performance.now() + 30_000;
      while (performance.now() < end) {
        const { ms } = await prober.ask(2_000);
        expect(ms).toBeLessThan(3_000);
      }
    } finally {
      cluster.postgres.thaw();
    }
    await until("calls are served again", async () => (await prober.ask()).ok, 15_000);
    prober.close();
  });

  faultRow(56, "the line to PostgreSQL is slow", here, async () => {
    cluster.postgres.proxy.delay(40);
    cluster.postgres.proxy.throttle(64_000);
    await delay(8_000);
  });
});

async function oldestUnpublishedMs({ db }: Cluster): Promise<number> {
  const { rows } = await sql<{ ms: number | null }>`
    select extract(epoch from max(now() - created_at)) * 1000 as ms from outbox where published_at is null`.execute(
    db,
  );
  return Number(rows[0]?.ms ?? 0);
}
