import { type ChildProcess, spawn } from "node:child_process";
import { sql } from "kysely";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { appendEvents } from "../../src/db/outbox.ts";
import { inTransaction } from "../../src/db/transaction.ts";
import { event } from "../../src/domain/events.ts";
import { connectPostgres } from "../../src/events/relay-postgres.ts";
import { atFailpoint } from "../support/failpoints.ts";
import { type Proxy, startProxy } from "../support/proxy.ts";
import { PICKING, RelayWorld, SHIPMENT, upTo } from "../support/relays.ts";
import { readStream } from "../support/streams.ts";
import { until } from "../support/until.ts";

let world: RelayWorld;
const children: ChildProcess[] = [];

beforeEach(async () => {
  world = await RelayWorld.open();
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await world.close();
});

/** A relay in a process of its own, so that it can be killed. */
function relayProcess(): ChildProcess {
  const module = new URL("../../src/events/relay.ts", import.meta.url).href;
  const urls = JSON.stringify({ databaseUrl: world.database.url, redisUrl: world.server.url });
  const script = `const { startRelay } = await import(${JSON.stringify(module)});
    const logger = { info() {}, warn() {}, error() {} };
    startRelay({ ...${urls}, logger, pollMs: 5 });`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "inherit" });
  children.push(child);
  return child;
}

async function endRelaySessions(): Promise<void> {
  await sql`select pg_terminate_backend(pid) from pg_stat_activity
    where application_name = 'warehouse-relay' and datname = current_database()`.execute(world.db);
}

describe("the relay", () => {
  it("publishes flat string fields, as the contract names them", async () => {
    const before = Math.floor(Date.now() / 1000);
    await inTransaction(world.db, (trx) =>
      appendEvents(trx, [
        event("shipment.created", { shipment_id: 5, order_id: 9n, tracking_number: "Ť\u{1F4E6}" }),
      ]),
    );
    world.relay();
    await world.allPublished();
    const [entry] = await readStream(world.redis, SHIPMENT);
    const { rows } = await sql`select id, entry_id, batch from outbox`.execute(world.db);
    expect(entry?.fields).toEqual({
      type: "shipment.created",
      shipment_id: "5",
      order_id: "9",
      tracking_number: "Ť\u{1F4E6}",
      timestamp: expect.stringMatching(/^\d{10}$/),
      event_id: expect.any(String),
      aggregate_id: "shipment:5",
      sequence: "1",
    });
    expect(rows).toEqual([{ id: entry?.fields["event_id"], entry_id: entry?.id, batch: 1n }]);
    expect(Number(entry?.fields["timestamp"])).toBeGreaterThanOrEqual(before);
  });

  it("notes of each event the entry that it became", async () => {
    for (let round = 0; round < 30; round++) await world.commit(upTo(60));
    world.relay();
    await world.allPublished();
    const { rows } = await sql<{ id: string; entry_id: string }>`select id, entry_id from outbox`.execute(
      world.db,
    );
    const entries = await readStream(world.redis, PICKING);
    expect(new Map(rows.map((row) => [row.entry_id, row.id]))).toEqual(
      new Map(entries.map(({ id, fields }) => [id, fields["event_id"]])),
    );
    expect(entries.length).toBe(1800);
  });

  it("row 2: publishes again what it had published and not marked, for one effect each", async () => {
    const proxy = await startProxy(world.database.url);
    const relay = world.relay({ databaseUrl: proxy.url });
    await until("it leads", async () => relay.progress().leader);
    const died = atFailpoint("relay.published", () => proxy.cut());
    await world.commit([1, 2]);
    await died;
    proxy.mend();
    await world.allPublished();
    const entries = await readStream(world.redis, PICKING);
    expect(entries.length).toBe(4);
    expect(new Set(entries.map(({ fields }) => fields["event_id"])).size).toBe(2);
    await proxy.close();
  });

  it("row 3: publishes within seconds what it had only read", async () => {
    const proxy = await startProxy(world.server.url);
    const relay = world.relay({ redisUrl: proxy.url });
    await until("it leads", async () => relay.progress().leader);
    const died = atFailpoint("relay.read", () => proxy.cut());
    await world.commit([1, 2]);
    await died;
    proxy.mend();
    await world.allPublished(5_000);
    expect(await world.redis.xlen(PICKING)).toBe(2);
    await proxy.close();
  });

  it("row 7: is refused by Redis when it wakes between reading and publishing, and another has taken the lead", async () => {
    const proxy = await startProxy(world.server.url);
    const first = world.relay({ redisUrl: proxy.url });
    await until("it leads", async () => first.progress().leader);
    const frozen = atFailpoint("relay.read", () => proxy.delay(60_000));
    await world.commit([1, 2]);
    await frozen;
    const second = world.relay();
    await endRelaySessions(); // as the server does when a leader has asked nothing for the time of its lease
    await until("the second leads", async () => second.progress().leader);
    await world.allPublished();
    await world.commit([1]);
    await world.allPublished();
    proxy.mend(); // what the first wanted to say arrives now
    await until("it is refused", async () =>
      world.warnings.includes("the relay starts again: another relay leads by now, says Redis"),
    );
    expect((await world.sequences()).get("picking_task:1")).toEqual([1, 2]);
    expect((await world.sequences()).get("picking_task:2")).toEqual([1]);
    expect(second.progress().leader).toBe(true);
    await proxy.close();
  });

  it("row 7: is refused by the database when it wakes between publishing and marking", async () => {
    const proxy = await startProxy(world.database.url);
    const first = world.relay({ databaseUrl: proxy.url });
    await until("it leads", async () => first.progress().leader);
    const frozen = atFailpoint("relay.published", () => proxy.delay(60_000));
    await world.commit([1]);
    await frozen;
    await sql`update relay_leader set epoch = epoch + 1`.execute(world.db); // another took the lead
    proxy.mend();
    await until("it is refused", async () =>
      world.warnings.includes("the relay starts again: another relay leads by now, says PostgreSQL"),
    );
    await world.allPublished(); // by the first again, under a new epoch
    expect(await world.seenOf(1)).toEqual([1]);
    await proxy.close();
  });

  it("row 8: keeps each aggregate's order, once each, with two relays and several writers", async () => {
    const pair = [world.relay(), world.relay()];
    const writers = upTo(4).map(async (writer) => {
      for (let round = 0; round < 40; round++) await world.commit([writer, 100, 200 + (round % 3)]);
    });
    await Promise.all(writers);
    await world.allPublished();
    const seen = await world.sequences();
    expect(seen.get("picking_task:100")).toEqual(upTo(160));
    for (const numbers of seen.values()) expect(numbers).toEqual(upTo(numbers.length));
    expect(new Set(pair.map((one) => one.progress().leader))).toEqual(new Set([false, true]));
    expect(pair[0]!.progress().published + pair[1]!.progress().published).toBe(480);
    const { rows } = await sql`select epoch from relay_leader`.execute(world.db);
    expect(rows).toEqual([{ epoch: 1n }]); // one led all the time
  });

  it("row 9: loses none of a thousand that were written first and committed after a later one was published", async () => {
    world.relay({ pollMs: 5 });
    const isPublished = async (task: number) => {
      const { rows } = await sql`
        select from outbox where aggregateid = ${String(task)} and published_at is not null`.execute(
        world.db,
      );
      return rows.length > 0;
    };
    let pair = 0;
    const inverter = async () => {
      while (pair < 1_000) {
        const late = 2 * ++pair;
        await inTransaction(world.db, async (trx) => {
          await appendEvents(trx, [event("picking.started", { task_id: late })]);
          await world.commit([late + 1]);
          if (late % 20 === 0) await until("the later one is published", () => isPublished(late + 1));
        });
      }
    };
    await Promise.all(upTo(4).map(inverter));
    await world.allPublished();
    expect(await world.redis.xlen(PICKING)).toBe(2 * pair);
  });

  it("row 10: waits for nobody's open transaction", async () => {
    world.relay();
    await inTransaction(world.db, async (trx) => {
      await appendEvents(trx, [event("picking.started", { task_id: 1 })]);
      for (let round = 0; round < 6; round++) {
        await world.commit([2]);
        await world.allPublished(2_000);
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    });
    await world.allPublished();
    expect(await world.seenOf(1)).toEqual([1]);
  });

  it("row 14: begins again at once when Redis is lost while the database's line is idle, and dead", async () => {
    const proxies = await Promise.all([world.database.url, world.server.url].map((url) => startProxy(url)));
    const [postgres, redis] = proxies as [Proxy, Proxy];
    const relay = world.relay({ databaseUrl: postgres.url, redisUrl: redis.url });
    await until("it leads", async () => relay.progress().leader);
    const lost = atFailpoint("relay.read", () => {
      postgres.blackHole();
      redis.cut();
    });
    await world.commit([1]);
    await lost;
    redis.mend();
    await until("it begins again", async () => world.warnings.length > 0, 3_000);
    await world.allPublished(20_000); // the server ends the lost session, with its lock, after ten seconds
    await Promise.all(proxies.map((proxy) => proxy.close()));
  });

  it("row 27: publishes again when Redis' answer was lost, for one effect each", async () => {
    const proxy = await startProxy(world.server.url);
    const relay = world.relay({ redisUrl: proxy.url });
    await until("it leads", async () => relay.progress().leader);
    for (let round = 1; round <= 3; round++) {
      proxy.dropNextReply("picking.started");
      await world.commit([1]);
      await world.allPublished();
    }
    const entries = await readStream(world.redis, PICKING);
    expect(entries.length).toBeGreaterThan(3);
    expect(await world.seenOf(1)).toEqual([1, 2, 3]);
    expect(new Set(entries.map(({ fields }) => fields["event_id"])).size).toBe(3);
    await proxy.close();
  });

  it("is followed by another when it is killed; nothing is lost and order holds", async () => {
    const first = relayProcess();
    await world.commit([1]);
    await world.allPublished();
    const second = world.relay();
    for (let round = 0; round < 60; round++) {
      await world.commit([1, 2, 3]);
      if (round === 20) first.kill("SIGKILL");
    }
    await until("the second leads", async () => second.progress().leader);
    await world.allPublished();
    expect(await world.seenOf(1)).toEqual(upTo(61));
    expect(await world.seenOf(2)).toEqual(upTo(60));
  });

  it("goes on after its database session was ended", async () => {
    const one = world.relay();
    await until("it leads", async () => one.progress().leader);
    await endRelaySessions();
    await world.commit([1, 2]);
    await world.allPublished();
    expect([...(await world.sequences()).keys()].sort()).toEqual(["picking_task:1", "picking_task:2"]);
  });

  it("leads under a higher epoch than Redis has seen, should the database have forgotten some", async () => {
    const one = world.relay();
    await world.commit([1]);
    await world.allPublished();
    await one.stop();
    await sql`update relay_leader set epoch = 0`.execute(world.db);
    await world.redis.hset("wms:relay", "epoch", 1_000);
    world.relay();
    await world.commit([1]);
    await world.allPublished();
    expect(Number(await world.redis.hget("wms:relay", "epoch"))).toBeGreaterThan(1_000);
  });

  // It starves the whole server, which must then be nobody else's.
  it.skipIf(process.env["TEST_REDIS_URL"])(
    "waits for Redis, and publishes when it takes writes again",
    async () => {
      const { redis } = world;
      await redis.config("SET", "maxmemory", "1");
      world.relay();
      for (let round = 0; round < 5; round++) await world.commit([1]);
      await until("it is refused", async () => (await redis.info("errorstats")).includes("errorstat_OOM"));
      expect(await world.unpublished()).toBe(5);
      await redis.config("SET", "maxmemory", "0");
      await world.allPublished();
      expect((await world.sequences()).get("picking_task:1")).toEqual(upTo(5));
    },
  );

  it("holds back only the stream that is broken", async () => {
    const { redis } = world;
    await redis.set(PICKING, "no stream");
    await world.commit([1]);
    await inTransaction(world.db, (trx) =>
      appendEvents(trx, [event("shipment.created", { shipment_id: 5 })]),
    );
    world.relay();
    await until("only the broken stream's event waits", async () => (await world.unpublished()) === 1);
    expect(await redis.xlen(SHIPMENT)).toBe(1);
    await redis.del(PICKING);
    await world.allPublished();
    expect(await redis.xlen(SHIPMENT)).toBe(1);
    expect(await redis.xlen(PICKING)).toBe(1);
  });

  it("publishes what was committed before it is told to stop", async () => {
    const one = world.relay({ pollMs: 5_000 });
    await until("it leads", async () => one.progress().leader);
    await world.commit([1]);
    await one.stop();
    expect(await world.unpublished()).toBe(0);
  });

  it("reads and marks by index, in the days that are concerned, however much is there", async () => {
    await sql`
      insert into outbox (stream, aggregatetype, aggregateid, sequence, type, payload, published_at, batch, entry_id)
      select ${PICKING}, 'listing', n::text, 1, 't', '{}', now(), n / 500, n || '-0' from generate_series(1, 20000) as n`.execute(
      world.db,
    );
    await world.commit([1]);
    const client = await connectPostgres(world.database.url);
    const plan = async (statement: string) =>
      (await client.query<{ "QUERY PLAN": string }>(`explain ${statement}`)).rows
        .map((row) => row["QUERY PLAN"])
        .join("\n");
    const today = `outbox_${new Date().toISOString().slice(0, 10).replaceAll("-", "")}`;
    const inOrder = (index: string) =>
      new RegExp(`Merge Append[^]*Scan using ${today}_${index}_idx on ${today}`);
    const read = await plan("select * from outbox where published_at is null order by position limit 1000");
    expect(read).toMatch(inOrder("position"));
    const page = await plan("select * from outbox where batch > 5 and batch <= 90 order by batch limit 1000");
    expect(page).toMatch(inOrder("batch"));
    const mark = await plan(`update outbox set published_at = now()
      where position = any('{1,2,3}') and created_at between now() - interval '1 second' and now()`);
    expect(mark).toContain(`Index Scan using ${today}_pkey on ${today}`);
    expect(`${read}${page}${mark}`).not.toMatch(/Sort {2}|Seq Scan/);
    await client.end();
  });
});
