import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { CONSUMER_GROUP, ORDER_STREAM } from "../../src/domain/events.ts";
import { until } from "../support/until.ts";
import { Cluster } from "./harness/cluster.ts";
import { faultRow } from "./harness/fault-row.ts";
import { truncateLog } from "./harness/mishaps.ts";
import { Prober } from "./harness/prober.ts";

const OURS = "wms:events:fulfillment";
/** How long Redis is away; the whole minute in the long form. */
const AWAY_MS = process.env["FAULT_SEEDS"] ? 60_000 : 12_000;

describe("Redis dies, forgets, hangs and loses", () => {
  let cluster: Cluster;
  const here = () => cluster;
  beforeAll(async () => {
    cluster = await Cluster.start();
  });
  afterAll(() => cluster?.discard());

  faultRow(21, "Redis is killed and comes back with what it had", here, async ({ load }) => {
    await load.reached(0.2);
    await cluster.redis.kill();
    await delay(1_000);
    await cluster.redis.revive();
    await load.reached(0.5);
  });

  faultRow(
    22,
    "Redis loses the end of its log with the power",
    here,
    async ({ load }) => {
      await load.reached(0.3);
      await cluster.redis.kill();
      truncateLog(cluster.redis.dataDir, 0.3);
      await cluster.redis.revive();
    },
    { losesStreams: true },
  );

  faultRow(
    24,
    "somebody empties Redis",
    here,
    async ({ load }) => {
      await load.reached(0.3);
      await cluster.withRedis((redis) => redis.flushall());
      const groups = () =>
        cluster.withRedis((redis) => redis.xinfo("GROUPS", ORDER_STREAM) as Promise<unknown[]>);
      await until("the group is back", async () => (await groups()).length > 0, 8_000);
    },
    { losesStreams: true },
  );

  faultRow(25, "the lines to Redis go dead without a word", here, async ({ load }) => {
    await load.reached(0.2);
    cluster.redis.proxy.blackHole();
    const deadAt = performance.now();
    const eventId = await sendNoise(cluster);
    await until("an event is consumed", () => consumed(cluster, eventId), 20_000);
    expect(performance.now() - deadAt).toBeLessThan(10_000); // 6 s on a machine with nothing else to do
  });

  faultRow(26, "Redis is away for long, and no call fails because of it", here, async ({ load }) => {
    await load.reached(0.2);
    const prober = new Prober(cluster);
    await cluster.redis.kill();
    const end = performance.now() + AWAY_MS;
    while (performance.now() < end) {
      expect((await prober.askAll()).map(({ code }) => code)).toEqual([0, 0, 0]);
      await delay(200);
    }
    await cluster.redis.revive();
    const eventId = await sendNoise(cluster);
    await until("an event is consumed", () => consumed(cluster, eventId), 10_000);
    await until("everything is published", () => published(cluster), 10_000);
    prober.close();
  });

  faultRow(27, "replies to publications are lost", here, async ({ load }) => {
    for (let nth = 0; nth < 5; nth++) {
      cluster.redis.proxy.dropNextReply(/evalsha|xadd/i);
      await delay(500);
    }
    await load.reached(0.4);
  });

  faultRow(28, "replies to reads of the group are lost", here, async ({ load }) => {
    for (let nth = 0; nth < 5; nth++) {
      cluster.redis.proxy.dropNextReply(/xreadgroup/i);
      await delay(300);
    }
    await load.reached(0.4);
  });

  faultRow(
    30,
    "streams are trimmed of what nobody has read",
    here,
    async ({ load }) => {
      await load.reached(0.3);
      await cluster.withRedis(async (redis) => {
        await redis.xtrim(OURS, "MAXLEN", 1);
        await redis.xtrim(ORDER_STREAM, "MAXLEN", 1);
      });
    },
    { losesStreams: true, losesOrder: true },
  );

  faultRow(31, "consumers are deleted with what they had in hand", here, async () => {
    for (const service of cluster.services) service.plan("transaction.written:4:stop");
    await Promise.all(cluster.services.map((service) => service.replace()));
    await until("somebody freezes", async () => cluster.services.some((service) => service.frozen), 60_000);
    await cluster.withRedis(async (redis) => {
      const consumers = (await redis.xinfo("CONSUMERS", ORDER_STREAM, CONSUMER_GROUP)) as string[][];
      for (const [, name] of consumers)
        await redis.xgroup("DELCONSUMER", ORDER_STREAM, CONSUMER_GROUP, name as string);
    });
    // Frozen or not: none is to freeze later, when nobody expects it any more.
    await Promise.all(cluster.services.map((service) => service.replace()));
  });
});

/** An event about an order that is not there: nobody minds it, and it is noted. */
async function sendNoise(cluster: Cluster): Promise<string> {
  const eventId = randomUUID();
  const fields = ["type", "order.cancelled", "event_id", eventId, "order_id", "999999999", "reason", "noise"];
  await cluster.withRedis((redis) => redis.xadd(ORDER_STREAM, "*", ...fields));
  return eventId;
}

async function consumed({ db }: Cluster, eventId: string): Promise<boolean> {
  const { rows } = await sql`select from processed_events where event_id = ${eventId}`.execute(db);
  return rows.length > 0;
}

async function published({ db }: Cluster): Promise<boolean> {
  const { rows } = await sql`
    select from outbox where published_at is null and created_at < now() - interval '1 second' limit 1`.execute(
    db,
  );
  return rows.length === 0;
}
