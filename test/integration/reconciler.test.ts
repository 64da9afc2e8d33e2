import type { Redis } from "ioredis";
import { sql } from "kysely";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { insertDeadLetters } from "../../src/db/dead-letters.ts";
import { inTransaction } from "../../src/db/transaction.ts";
import { CONSUMER_GROUP, ORDER_STREAM } from "../../src/domain/events.ts";
import { claimRedis, takeLead } from "../../src/events/lead.ts";
import { Reconciler } from "../../src/events/reconciler.ts";
import { connectPostgres } from "../../src/events/relay-postgres.ts";
import { trimStreams } from "../../src/events/trim-streams.ts";
import { redriveDeadLetters } from "../../src/use-cases/maintenance/dead-letters.ts";
import { startProxy } from "../support/proxy.ts";
import { testRedis } from "../support/redis.ts";
import { PICKING, RelayWorld, SHIPMENT, upTo } from "../support/relays.ts";
import { openRedis, readStream } from "../support/streams.ts";
import { until } from "../support/until.ts";
import { freshCall } from "../support/world.ts";

let world: RelayWorld;

beforeEach(async () => {
  world = await RelayWorld.open();
});
afterEach(() => world.close());

const rounds = async (from: number, to: number) => {
  for (let round = from; round <= to; round++) await world.commit([1, 2]);
};

/** Redis as it was, to the entry: what a cut-off log, or a replica that is behind, brings back. */
async function snapshot(redis: Redis): Promise<() => Promise<void>> {
  const keys = await redis.keys("*");
  const dumps = await Promise.all(keys.map((key) => redis.dumpBuffer(key)));
  return async () => {
    const back = redis.multi().flushdb();
    keys.forEach((key, nth) => void back.restore(key, 0, dumps[nth] as Buffer));
    await back.exec();
  };
}

async function eventsMissing(redis: Redis = world.redis): Promise<number> {
  const { rows } = await sql<{ id: string }>`select id from outbox where stream = ${PICKING}`.execute(
    world.db,
  );
  const there = new Set((await readStream(redis, PICKING)).map(({ fields }) => fields["event_id"]));
  return rows.filter(({ id }) => !there.has(id)).length;
}

const nothingMissing = (redis?: Redis) =>
  until("every event is on its stream", async () => (await eventsMissing(redis)) === 0, 20_000);

describe("what Redis loses", () => {
  it("row 22: of its newest entries is published again, in order, before anything newer", async () => {
    const relay = world.relay();
    await rounds(1, 20);
    await world.allPublished();
    const goBack = await snapshot(world.redis);
    await rounds(21, 40);
    await world.allPublished();
    await goBack();
    await rounds(41, 60);
    await nothingMissing();
    expect((await world.sequences()).get("picking_task:1")).toEqual(upTo(60));
    expect(relay.progress().lost).toBe(40);
    expect(await world.openAlerts()).toMatchObject([
      {
        name: "stream_entries_lost",
        severity: "warning",
        summary: expect.stringContaining("lost 40 published events"),
      },
    ]);
    expect(world.warnings).toEqual(["Redis had lost events; they are published again"]);
  });

  it("row 22: is found while nothing new is published", async () => {
    world.relay();
    await rounds(1, 5);
    await world.allPublished();
    const goBack = await snapshot(world.redis);
    await rounds(6, 10);
    await world.allPublished();
    await goBack();
    await nothingMissing();
    expect((await world.sequences()).get("picking_task:2")).toEqual(upTo(10));
  });

  it("rows 22 and 30: of its newest entries does not hide that older ones were trimmed", async () => {
    world.relay({ tendEveryMs: 3_000 });
    await rounds(1, 20);
    await world.allPublished();
    await world.redis.xtrim(PICKING, "MAXLEN", 10);
    const goBack = await snapshot(world.redis);
    await rounds(21, 25);
    await world.allPublished();
    await goBack(); // before the streams are compared with the books
    await nothingMissing();
    expect((await world.seenOf(1)).length).toBe(25);
  });

  it("rows 22 and 24: twice, the second time while it is looked for what went the first, is found whole", async () => {
    const relay = world.relay();
    await rounds(1, 20);
    await world.allPublished();
    const goBack = await snapshot(world.redis);
    await rounds(21, 25);
    await world.allPublished();
    await relay.stop();
    await goBack();
    const client = await connectPostgres(world.database.url);
    const lead = await takeLead(client, world.redis);
    const reconciler = new Reconciler(lead);
    await reconciler.tailIsLost(await claimRedis(lead));
    await world.redis.flushdb();
    while ((await reconciler.step()) === undefined);
    await client.end();
    world.relay();
    await nothingMissing();
    expect(await world.seenOf(1)).toEqual(upTo(25));
  });

  // They need servers of their own.
  it.skipIf(process.env["TEST_REDIS_URL"])(
    "row 23: in a failover to a replica that was behind is published again",
    async () => {
      const replica = await testRedis();
      const other = openRedis(replica.url);
      const master = new URL(world.server.url);
      await world.redis.config("SET", "repl-diskless-sync-delay", "0");
      await other.config("SET", "masterauth", master.password, "requirepass", master.password);
      await other.replicaof(master.hostname, Number(master.port));
      const proxy = await startProxy(world.server.url);
      world.relay({ redisUrl: proxy.url });
      await rounds(1, 20);
      await world.allPublished();
      await until("the replica has it", async () => (await other.xlen(PICKING)) === 40);
      await other.replicaof("NO", "ONE");
      await rounds(21, 30);
      await world.allPublished();
      proxy.retarget(replica.url);
      proxy.cut();
      proxy.mend();
      await rounds(31, 40);
      await nothingMissing(other);
      const numbers = (await readStream(other, PICKING))
        .filter(({ fields }) => fields["aggregate_id"] === "picking_task:1")
        .map(({ fields }) => Number(fields["sequence"]));
      expect([...new Set(numbers)]).toEqual(upTo(40));
      await proxy.close();
      other.disconnect();
      await replica.close();
    },
  );

  it("row 24: all at once, under load, is published again", async () => {
    const relay = world.relay({ pollMs: 5 });
    const writing = rounds(1, 150);
    await until("half is published", async () => relay.progress().published > 150);
    await world.redis.flushdb();
    await writing;
    await nothingMissing();
    expect(await world.seenOf(1)).toEqual(upTo(150));
    expect(await world.seenOf(2)).toEqual(upTo(150));
    expect(relay.progress().lost).toBeGreaterThan(150);
  });

  it("row 30: by a trim of what nobody has read is published again, and nothing else is", async () => {
    const relay = world.relay({ tendEveryMs: 50 });
    await rounds(1, 300);
    await world.allPublished();
    await world.redis.xtrim(PICKING, "MAXLEN", 450);
    await nothingMissing();
    await until("it is told", async () => relay.progress().lost === 150);
    await rounds(301, 310);
    await world.allPublished();
    const entries = await readStream(world.redis, PICKING);
    expect(entries.length).toBe(620);
    expect((await world.openAlerts())[0]?.summary).toContain(`lost 150 published events`);
  });

  it("row 30: one by one, or with the stream, is published again", async () => {
    const relay = world.relay({ tendEveryMs: 50 });
    await rounds(1, 20);
    await world.allPublished();
    const entries = await readStream(world.redis, PICKING);
    await world.redis.xdel(PICKING, entries[7]!.id, entries[20]!.id);
    await until("both are back", async () => relay.progress().lost === 2);
    await nothingMissing();
    await world.redis.del(PICKING);
    await rounds(21, 30);
    await until("all are back", async () => relay.progress().lost >= 42);
    await nothingMissing();
    expect(relay.progress().lost).toBe(42);
  });

  it("is looked for page by page, however much there is", async () => {
    const relay = world.relay({ tendEveryMs: 50 });
    for (const _ of upTo(12)) {
      await world.commit(upTo(333)); // a batch each, so that pages end within batches
      await world.allPublished();
    }
    await world.redis.del(PICKING);
    await until("all are back", async () => relay.progress().lost === 3_996, 20_000);
    await nothingMissing();
    for (const numbers of (await world.sequences()).values()) expect(numbers).toEqual(upTo(12));
  });

  it("while nobody led is found by the next leader", async () => {
    const first = world.relay();
    await rounds(1, 10);
    await world.allPublished();
    await first.stop();
    await world.redis.flushdb();
    world.relay();
    await nothingMissing();
  });

  it("of redriven dead letters is published again until they are taken", async () => {
    await inTransaction(world.db, (trx) =>
      insertDeadLetters(
        trx,
        upTo(2).map((nth) => ({
          stream: ORDER_STREAM,
          entry_id: `${nth}-0`,
          event_id: `event-${nth}`,
          event_type: "order.confirmed",
          payload: { type: "order.confirmed", order_id: String(nth) },
          reason: "a test",
          trace: "",
          attempts: 8,
        })),
      ),
    );
    const relay = world.relay({ tendEveryMs: 50 });
    await redriveDeadLetters(world.db, freshCall(), [1n, 2n]);
    await world.allPublished();
    await sql`insert into processed_events (consumer, event_id) values (${CONSUMER_GROUP}, 'event-2')`.execute(
      world.db,
    );
    await world.redis.xtrim(ORDER_STREAM, "MAXLEN", 0);
    await until("the one is back", async () => relay.progress().lost === 1);
    await world.allPublished();
    expect((await readStream(world.redis, ORDER_STREAM)).map(({ fields }) => fields["event_id"])).toEqual([
      "event-1",
    ]);
  });

  it("is not what was trimmed in order", async () => {
    const relay = world.relay({ tendEveryMs: 30, maxLength: 300 });
    const trimmedTo = (most: number) =>
      until("it is trimmed", async () => (await world.redis.xlen(PICKING)) <= most);
    for (const _ of upTo(3)) {
      await world.commit(upTo(500));
      await world.allPublished();
      await trimmedTo(400);
    }
    await world.redis.xdel(PICKING, (await readStream(world.redis, PICKING))[250]!.id);
    await until("the one that was not is back", async () => relay.progress().published > 1_500);
    expect(relay.progress()).toMatchObject({ lost: 1, published: 1_501 });
  });
});

describe("trimming", () => {
  const DAY_MS = 86_400_000;

  it("drops what is older than a week, but nothing that a group has not finished", async () => {
    const { redis } = world;
    for (let entry = 1; entry <= 300; entry++) {
      await redis.xadd(PICKING, `${entry}-0`, "type", "old");
      await redis.xadd(SHIPMENT, `${entry}-0`, "type", "old");
    }
    await redis.xadd(SHIPMENT, `${Date.now() - 6 * DAY_MS}-0`, "type", "young");
    await redis.xgroup("CREATE", PICKING, "subscriber", "0");
    await redis.xreadgroup("GROUP", "subscriber", "one", "COUNT", 200, "STREAMS", PICKING, ">");
    await redis.xack(PICKING, "subscriber", ...upTo(150).map((entry) => `${entry}-0`));
    const client = await connectPostgres(world.database.url);
    const lead = await takeLead(client, redis);
    const [picking] = await trimStreams(lead, 1_000);
    expect(picking).toEqual({ stream: PICKING, holders: ["subscriber"], dropped: 0, losers: [] });
    const kept = (await readStream(redis, PICKING)).map((entry) => entry.id);
    expect(kept.length).toBeLessThan(300);
    expect(kept).toEqual(expect.arrayContaining(["151-0", "200-0", "300-0"]));
    expect(await redis.xlen(SHIPMENT)).toBeLessThan(102);

    await redis.hset("wms:relay", "epoch", 99);
    await expect(trimStreams(lead, 1)).rejects.toThrow("another relay leads by now, says Redis");
    await client.end();
  });

  it("says who holds a stream up, and no longer when nobody does", async () => {
    for (let entry = 1; entry <= 5; entry++) await world.redis.xadd(PICKING, `${entry}-0`, "type", "old");
    await world.redis.xgroup("CREATE", PICKING, "gone away", "0");
    world.relay({ tendEveryMs: 30 });
    const [alert] = await until("it is told", async () => {
      const open = await world.openAlerts();
      return open.length > 0 && open;
    });
    expect(alert).toMatchObject({ name: "stream_held_up", key: PICKING, severity: "warning" });
    expect(alert?.summary).toContain("not finished by gone away");
  });

  it("at a limit drops the oldest, whoever has not read them, and raises an alert; they stay in the outbox", async () => {
    await world.redis.xgroup("CREATE", PICKING, "slow", "0", "MKSTREAM");
    await world.redis.xgroup("CREATE", PICKING, "quick", "$");
    world.relay({ tendEveryMs: 30, maxLength: 200 });
    await world.commit(upTo(500));
    const [alert] = await until("it is told", async () => {
      const open = await world.openAlerts();
      return open.length > 0 && open;
    });
    expect(alert).toMatchObject({ name: "stream_full", key: PICKING, severity: "critical" });
    expect(alert?.summary).toMatch(
      /reached 200 entries: the oldest \d+ were trimmed, which .*slow had not finished/,
    );
    expect(await world.redis.xlen(PICKING)).toBeLessThan(300);
    const { rows } = await sql`select from outbox`.execute(world.db);
    expect(rows.length).toBe(500);
  });
});
