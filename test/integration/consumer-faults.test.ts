import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import type { Redis } from "ioredis";
import { sql } from "kysely";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createDatabase, createPool, type Database } from "../../src/db/database.ts";
import { CONSUMER_GROUP, ORDER_STREAM } from "../../src/domain/events.ts";
import type { EntryHandler } from "../../src/events/consuming.ts";
import { orderEntryHandler } from "../../src/events/order-consumer.ts";
import { redriveDeadLetters } from "../../src/use-cases/maintenance/dead-letters.ts";
import { ConsumerWorld, confirmation, line } from "../support/consumers.ts";
import { atFailpoint } from "../support/failpoints.ts";
import { startProxy } from "../support/proxy.ts";
import { upTo } from "../support/relays.ts";
import { silent } from "../support/streams.ts";
import { until } from "../support/until.ts";
import { freshCall, makeListings, makeWarehouses, place, stockOf } from "../support/world.ts";

let world: ConsumerWorld;
let db: Database;
let redis: Redis;

beforeEach(async () => {
  world = await ConsumerWorld.open();
  ({ db, redis } = world);
});
afterEach(() => world.close());

/** Each of these orders takes one unit of the stock, once. */
async function stockUp(): Promise<void> {
  const [warehouse] = await makeWarehouses(db);
  await makeListings(db, [1n]);
  await place(db, warehouse!, 1n, 1000);
}

const reserved = async () => (await stockOf(db, 1n)).reserved;

async function alerts(): Promise<{ name: string; severity: string; summary: string }[]> {
  const { rows } = await sql<{ name: string; severity: string; summary: string }>`
    select name, severity, summary from alerts where resolved_at is null`.execute(db);
  return rows;
}

describe("the order consumer", () => {
  it("row 4: gives an event one effect when it dies between the commit and the acknowledgement", async () => {
    await stockUp();
    const proxy = await startProxy(world.server.url);
    world.consume({ redisUrl: proxy.url });
    const died = atFailpoint("consumer.taken", () => proxy.cut());
    await world.add(...confirmation(1));
    await died;
    expect(await world.orderIds()).toEqual([1]);
    expect(await world.pendingCount()).toBe(1);
    proxy.mend();
    await world.nothingPending();
    expect(await reserved()).toBe(1);
    await proxy.close();
  });

  it("row 5: takes again what it had not committed when it died", async () => {
    await stockUp();
    const proxy = await startProxy(world.database.url);
    const pool = createPool({ connectionString: proxy.url, max: 3 });
    world.consume({ db: createDatabase(pool) });
    await until("it is there", async () => (await world.groupNames()).length === 1);
    const died = atFailpoint("transaction.written", () => proxy.cut());
    await world.add(...confirmation(1));
    await died;
    expect(await world.orderIds()).toEqual([]);
    proxy.mend();
    await world.order(1);
    await world.nothingPending();
    expect(await reserved()).toBe(1);
    const { rows } = await sql`select from event_attempts`.execute(db);
    expect(rows).toEqual([]); // it was not the event's fault
    await world.stopAll();
    await pool.end();
    await proxy.close();
  });

  it("row 24: makes its group again when Redis has lost everything, and does not hurry", async () => {
    world.consume();
    await world.add(...confirmation(1));
    await world.order(1);
    const from = performance.now();
    for (let id = 2; id <= 7; id++) {
      await redis.flushdb();
      await world.add(...confirmation(id));
      await world.order(id, 5_000);
    }
    await world.nothingPending();
    expect(world.restarts.length).toBeGreaterThan(0);
    expect(world.restarts.length).toBeLessThanOrEqual(5 * ((performance.now() - from) / 1000));
  });

  it("row 25: consumes within six seconds of the line's silent death", async () => {
    const proxy = await startProxy(world.server.url);
    world.consume({ redisUrl: proxy.url });
    await world.add(...confirmation(1));
    await world.order(1);
    proxy.blackHole();
    await world.add(...confirmation(2));
    await world.order(2, 6_000);
    await world.stopAll();
    await proxy.close();
  });

  it("row 25: gives up a client whose read never ends on a line that seems alive", async () => {
    const dribble = await startDribble(world.server.url);
    world.consume({ redisUrl: dribble.url });
    await world.add(...confirmation(1));
    await world.order(1);
    dribble.begin();
    await world.add(...confirmation(2));
    await world.order(2, 10_000);
    await world.stopAll();
    await dribble.close();
  });

  it("row 26: goes on by itself when Redis was away for longer than anybody waits", async () => {
    const proxy = await startProxy(world.server.url);
    const consumer = world.consume({ redisUrl: proxy.url });
    await world.add(...confirmation(1));
    await world.order(1);
    proxy.cut();
    await world.add(...confirmation(2));
    await until("it has failed several times", async () => world.restarts.length >= 4, 15_000);
    const stuckAt = consumer.progress().lastProgressAt;
    proxy.mend();
    await world.order(2, 10_000);
    expect(consumer.progress().lastProgressAt.getTime()).toBeGreaterThan(stuckAt.getTime());
    await world.stopAll();
    await proxy.close();
  });

  it("row 28: finds what it was given when the answer was lost", async () => {
    await stockUp();
    const proxy = await startProxy(world.server.url);
    world.consume({ redisUrl: proxy.url });
    await until("it is there", async () => (await world.groupNames()).length === 1);
    proxy.dropNextReply(/xreadgroup/i);
    await world.add(...confirmation(1));
    await world.order(1, 5_000);
    await world.nothingPending();
    proxy.deafen(); // what it asks still arrives, and the line stays
    await world.add(...confirmation(2));
    await world.order(2, 5_000);
    await world.nothingPending();
    expect(await reserved()).toBe(2);
    await world.stopAll();
    await proxy.close();
  });

  it("row 30: says that entries left the stream before it got them, once, and goes on", async () => {
    await world.add(...confirmation(1));
    const first = world.consume();
    await world.order(1);
    await world.nothingPending();
    await world.stopAll();
    for (const id of upTo(20)) await world.add(...confirmation(100 + id));
    await redis.xtrim(ORDER_STREAM, "MAXLEN", 5);
    const consumers = [world.consume(), world.consume()];
    await world.order(120);
    await world.nothingPending();
    const trimmed = () => consumers.reduce((sum, one) => sum + one.progress().trimmed, 0);
    expect(trimmed()).toBe(15);
    expect(first.progress().trimmed).toBe(0);
    expect(await alerts()).toEqual([
      {
        name: "order_entries_lost",
        severity: "critical",
        summary:
          "15 entries left listings:events:orders before they were processed: their producer has to send them again",
      },
    ]);
    await world.add(...confirmation(200));
    await world.order(200);
    expect(trimmed()).toBe(15);
  });

  it("row 30: says that entries left the stream while it was behind", async () => {
    for (const id of upTo(250)) await world.add(...confirmation(id));
    const inner = orderEntryHandler(db, silent);
    let batches = 0;
    const handler: EntryHandler = {
      handle: async (entries) => {
        const done = await inner.handle(entries);
        if (++batches === 1) await redis.xtrim(ORDER_STREAM, "MAXLEN", 5);
        return done;
      },
      findUndone: (entries) => inner.findUndone(entries),
    };
    const consumer = world.consume({ handler, claimEveryMs: 60_000 });
    await world.order(250);
    await world.nothingPending();
    expect(consumer.progress().trimmed).toBe(145);
    expect((await world.orderIds()).length).toBe(105);
  });

  it("takes what was gone before there was a group for nobody's loss", async () => {
    for (const id of upTo(10)) await world.add(...confirmation(id));
    await redis.xtrim(ORDER_STREAM, "MAXLEN", 5);
    const consumer = world.consume();
    await world.order(10);
    await world.nothingPending();
    expect(await world.orderIds()).toEqual([6, 7, 8, 9, 10]);
    await redis.xtrim(ORDER_STREAM, "MAXLEN", 0); // all of it is done with
    await world.add(...confirmation(11));
    await world.order(11);
    expect(consumer.progress().trimmed).toBe(0);
  });

  it("counts what was deleted after it had got it, or before", async () => {
    await world.makeGroup();
    const lost = await world.add(...confirmation(1));
    await world.takeAs("warehouse-0", 1);
    await redis.xdel(ORDER_STREAM, lost ?? "");
    const ahead = await world.add(...confirmation(2));
    await redis.xdel(ORDER_STREAM, ahead ?? "");
    const consumer = world.consume();
    await world.add(...confirmation(3));
    await world.order(3);
    await until("all is acknowledged", async () => (await world.pendingCount()) === 0);
    expect(consumer.progress().trimmed).toBe(2);
  });

  it("row 31: takes again what a consumer was deleted with", async () => {
    await stockUp();
    await world.makeGroup();
    for (const id of upTo(5)) await world.add(...confirmation(id));
    await world.add("type", "nobody knows it");
    await world.add("nonsense", "1");
    await world.takeAs("warehouse-7", 4);
    await redis.xgroup("DELCONSUMER", ORDER_STREAM, CONSUMER_GROUP, "warehouse-7");
    await world.takeAs("somebody", 1); // and he still has it
    const consumer = world.consume({ auditEveryMs: 200, claimIdleMs: 500 });
    await world.order(1);
    await world.order(5);
    await world.nothingPending();
    expect(await world.orderIds()).toEqual([1, 2, 3, 4, 5]);
    await until("all is told", async () => consumer.progress().recovered === 4);
    await world.add(...confirmation(6));
    await world.order(6);
    await until("it has been looked at", async () => {
      const [group] = (await redis.xinfo("GROUPS", ORDER_STREAM)) as string[][];
      return (
        (await redis.get(`wms:audit:${CONSUMER_GROUP}`)) === group?.[group.indexOf("last-delivered-id") + 1]
      );
    });
    expect(consumer.progress().recovered).toBe(4);
    expect(await reserved()).toBe(6);
    expect((await world.openLetters()).length).toBe(1);
  });

  it("row 31: takes again what had been put back on the stream, too", async () => {
    await world.refuseOrder(13);
    world.consume({ auditEveryMs: 200 });
    const poison = confirmation(13);
    await world.add(...poison);
    const [letter] = await until("it is given up", async () => {
      const letters = await world.openLetters();
      return letters.length > 0 && letters;
    });
    await world.stopAll();
    await sql`drop trigger refuse_order on orders`.execute(db);
    await redriveDeadLetters(db, freshCall(), [letter!.id]);
    await world.add(...poison, "aggregate_id", `dead_letter:${letter!.id}`); // as the relay publishes it
    await world.takeAs("warehouse-7", 1);
    await redis.xgroup("DELCONSUMER", ORDER_STREAM, CONSUMER_GROUP, "warehouse-7");
    const consumer = world.consume({ auditEveryMs: 200, claimIdleMs: 500 });
    await world.order(13);
    await until("all is told", async () => consumer.progress().recovered === 1);
    expect(await world.openLetters()).toEqual([]);
  });

  it("row 32: gives up on what fails eight times, with its trace, while the others go on at full speed", async () => {
    await world.refuseOrder(13);
    world.consume();
    const usual = await medianWait(100);
    for (const id of [12, 13, 14]) await world.add(...confirmation(id));
    await world.order(14);
    expect(await medianWait(200)).toBeLessThan(2 * usual + 100); // the clock of a busy machine is coarse
    expect(await world.openLetters()).toEqual([]);
    const [letter] = await until("it is given up", async () => {
      const letters = await world.openLetters();
      return letters.length > 0 && letters;
    });
    expect(letter).toMatchObject({
      event_type: "order.confirmed",
      attempts: 8,
      reason: "no luck",
      trace: expect.stringMatching(/no luck\n +at /),
      payload: { order_id: "13" },
      stream: ORDER_STREAM,
    });
    await world.nothingPending();
    expect(await world.orderIds()).not.toContain(13);
  });

  it("row 32: finds the one that fails in a full batch by halves", async () => {
    await world.refuseOrder(60);
    await world.makeGroup();
    for (const id of upTo(100)) await world.add(...confirmation(id));
    let commits = 0;
    const count = () => (commits += 1);
    subscribe("warehouse:transaction.committed", count);
    world.consume();
    await until("all others are taken", async () => (await world.orderIds()).length === 99);
    unsubscribe("warehouse:transaction.committed", count);
    expect(commits).toBeLessThan(20); // a hundred, if each had its own
  });

  it("row 35: gives an event one effect that was added five times", async () => {
    await stockUp();
    for (const _ of [1, 2]) world.consume();
    for (const id of upTo(20)) {
      const entry = confirmation(id, [line(1, 2)]);
      await Promise.all(upTo(5).map(() => world.add(...entry)));
    }
    await world.order(20);
    await world.nothingPending();
    expect(await reserved()).toBe(40);
  });

  it("forgets the names of those who have gone, unless something is pending under them", async () => {
    await world.makeGroup();
    for (const id of upTo(3)) await world.add(...confirmation(id));
    await world.takeAs("warehouse-5", 1);
    await world.takeAs("warehouse-6", 1);
    await world.takeAs("another program's", 1);
    const pending = (await redis.xpending(ORDER_STREAM, CONSUMER_GROUP, "-", "+", 10)) as [string, string][];
    for (const [id, name] of pending)
      if (name !== "warehouse-6") await redis.xack(ORDER_STREAM, CONSUMER_GROUP, id);
    world.consume({ auditEveryMs: 50 });
    await until("the one is forgotten", async () => !(await world.groupNames()).includes("warehouse-5"));
    expect(await world.groupNames()).toEqual(["another program's", "warehouse-0", "warehouse-6"]);
  });
});

/** Ten orders, one after the other: how long they take, in ms. */
async function medianWait(from: number): Promise<number> {
  const waits: number[] = [];
  for (const id of upTo(10)) {
    const addedAt = performance.now();
    await world.add(...confirmation(from + id));
    await world.order(from + id);
    waits.push(performance.now() - addedAt);
  }
  return waits.sort((a, b) => a - b)[5] as number;
}

interface Dribble {
  url: string;
  /** From now on, on the lines that there are, answers begin and never end: a byte comes now and then. */
  begin(): void;
  close(): Promise<void>;
}

async function startDribble(target: string): Promise<Dribble> {
  const to = new URL(target);
  const lines = new Set<{ near: Socket; far: Socket }>();
  const timers: NodeJS.Timeout[] = [];
  const server = createServer((near) => {
    const far = connect(Number(to.port), to.hostname);
    for (const socket of [near, far])
      socket.on("error", () => {}).on("close", () => (near.destroy(), far.destroy()));
    near.pipe(far);
    far.pipe(near);
    lines.add({ near, far });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = new URL(target);
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    begin() {
      for (const { near, far } of lines) {
        near.unpipe(far).resume();
        far.unpipe(near).resume();
        near.write("$1000000\r\n");
        timers.push(setInterval(() => near.write("x"), 200));
      }
      lines.clear();
    },
    async close() {
      for (const timer of timers) clearInterval(timer);
      for (const { near } of lines) near.destroy();
      server.close();
    },
  };
}
