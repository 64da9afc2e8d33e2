import { randomUUID } from "node:crypto";
import type { Redis } from "ioredis";
import { sql } from "kysely";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { listDeadLetters } from "../../src/db/dead-letters.ts";
import { CONSUMER_GROUP, ORDER_STREAM } from "../../src/domain/events.ts";
import { type Consumer, startConsumer } from "../../src/events/consumer.ts";
import { orderEntryHandler } from "../../src/events/order-consumer.ts";
import { type Relay, startRelay } from "../../src/events/relay.ts";
import { discardDeadLetter, redriveDeadLetters } from "../../src/use-cases/maintenance/dead-letters.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { startProxy } from "../support/proxy.ts";
import { type TestRedis, testRedis } from "../support/redis.ts";
import { openRedis, readStream, silent } from "../support/streams.ts";
import { until } from "../support/until.ts";
import { freshCall, makeListings, makeWarehouses, place, stockOf } from "../support/world.ts";

let test: TestDatabase;
let server: TestRedis;
let redis: Redis;
const consumers: Consumer[] = [];
const relays: Relay[] = [];

beforeEach(async () => {
  [test, server] = await Promise.all([testDatabase(), testRedis()]);
  redis = openRedis(server.url);
});
afterEach(async () => {
  await Promise.all([...consumers.splice(0), ...relays.splice(0)].map((loop) => loop.stop()));
  redis.disconnect();
  await Promise.all([test.close(), server.close()]);
});

function consume({ redisUrl = server.url, claimIdleMs = 60_000 } = {}): Consumer {
  const handle = orderEntryHandler(test.db, silent);
  const timing = { claimIdleMs, claimEveryMs: 100, retryMs: 20 };
  const consumer = startConsumer({ redisUrl, db: test.db, logger: silent, handle, ...timing });
  consumers.push(consumer);
  return consumer;
}

async function stopAll(): Promise<void> {
  await Promise.all(consumers.splice(0).map((consumer) => consumer.stop()));
}

const line = (listing_id: number, quantity: number) => ({ listing_id, quantity });

function confirmation(order_id: number, items = [line(1, 1)], event_id: string = randomUUID()): string[] {
  const fields = {
    type: "order.confirmed",
    event_id,
    order_id,
    storefront_id: 1,
    items: JSON.stringify(items),
  };
  return Object.entries(fields).flatMap(([name, value]) => [name, String(value)]);
}

function cancellation(order_id: number, items: ReturnType<typeof line>[]): string[] {
  const fields = { type: "order.cancelled", event_id: randomUUID(), order_id, items: JSON.stringify(items) };
  return Object.entries(fields).flatMap(([name, value]) => [name, String(value)]);
}

function add(...fields: string[]): Promise<string | null> {
  return redis.xadd(ORDER_STREAM, "*", ...fields);
}

async function orderIds(): Promise<number[]> {
  const { rows } = await sql<{ order_id: bigint }>`select order_id from orders order by order_id`.execute(
    test.db,
  );
  return rows.map((row) => Number(row.order_id));
}

const order = (id: number, deadlineMs?: number) =>
  until(`order ${id} is taken`, async () => (await orderIds()).includes(id), deadlineMs);

async function pendingCount(): Promise<number> {
  return ((await redis.xpending(ORDER_STREAM, CONSUMER_GROUP)) as [number])[0];
}

const nothingPending = () =>
  until("everything is acknowledged", async () => {
    const [group] = (await redis.xinfo("GROUPS", ORDER_STREAM)) as unknown[][];
    const lag = group?.[group.indexOf("lag") + 1];
    return lag === 0 && (await pendingCount()) === 0;
  });

const openLetters = () => listDeadLetters(test.db, { statuses: ["open"] }, { size: 100, after: 0n });

/** Orders with this id cannot be stored: a fault of ours, not of the message. */
async function refuseOrder(id: number): Promise<void> {
  await sql
    .raw(`
    create function refuse_order() returns trigger language plpgsql as $$ begin raise exception 'no luck'; end $$;
    create trigger refuse_order before insert on orders for each row when (new.order_id = ${id})
      execute function refuse_order()`)
    .execute(test.db);
}

describe("the order consumer", () => {
  it("gives an event one effect, however often and by however many it is taken", async () => {
    const [warehouse] = await makeWarehouses(test.db);
    await makeListings(test.db, [1n]);
    await place(test.db, warehouse!, 1n, 1000);
    const events = Array.from({ length: 60 }, (_, index) => confirmation(index + 1, [line(1, 3)]));
    // Units cancelled twice would show, where an order confirmed twice is the same order.
    const returns = Array.from({ length: 60 }, (_, index) => cancellation(index + 1, [line(1, 1)]));
    const thrice = [1, 2, 3].flatMap(() => [...events, ...returns]).sort(() => Math.random() - 0.5);
    for (const _ of [1, 2, 3]) consume();
    await Promise.all(thrice.map((fields) => add(...fields)));
    await order(60);
    await nothingPending();
    expect((await orderIds()).length).toBe(60);
    expect(await stockOf(test.db, 1n)).toEqual({ quantity: 1000, reserved: 120 });
    const { rows } = await sql<{ tasks: bigint; keys: bigint }>`
      select (select count(*) from picking_tasks) as tasks, (select count(*) from processed_events) as keys`.execute(
      test.db,
    );
    expect(rows).toEqual([{ tasks: 60n, keys: 120n }]);
  });

  it("finishes first what it had begun before it died", async () => {
    await redis.xgroup("CREATE", ORDER_STREAM, CONSUMER_GROUP, "0", "MKSTREAM");
    for (const id of [1, 2, 3]) await add(...confirmation(id));
    await redis.xreadgroup("GROUP", CONSUMER_GROUP, "warehouse-0", "COUNT", 2, "STREAMS", ORDER_STREAM, ">");
    consume();
    await order(3);
    await nothingPending();
    expect(await orderIds()).toEqual([1, 2, 3]);
  });

  it("takes over what another began and never finished", async () => {
    await redis.xgroup("CREATE", ORDER_STREAM, CONSUMER_GROUP, "0", "MKSTREAM");
    await add(...confirmation(1));
    await redis.xreadgroup("GROUP", CONSUMER_GROUP, "somebody", "STREAMS", ORDER_STREAM, ">");
    consume({ claimIdleMs: 50 });
    await order(1);
    await nothingPending();
  });

  it("acknowledges only after the commit", async () => {
    consume();
    await add(...confirmation(1));
    await order(1);
    await test.db.transaction().execute(async (trx) => {
      await sql`lock table orders in access exclusive mode`.execute(trx);
      await add(...confirmation(2));
      await until("the database is waited for", async () => {
        const { rows } = await sql`select from pg_locks where not granted`.execute(test.db);
        return rows.length > 0;
      });
      expect(await pendingCount()).toBe(1);
    });
    await order(2);
    await nothingPending();
  });

  it("keeps a batch that it was stopped in, and gives its number back", async () => {
    consume();
    const names = async () =>
      new Set(
        ((await redis.xinfo("CONSUMERS", ORDER_STREAM, CONSUMER_GROUP)) as string[][]).map((one) => one[1]),
      );
    for (const id of [1, 2, 3, 4, 5]) await add(...confirmation(id));
    await order(1);
    await stopAll();
    consume();
    consume();
    await add(...confirmation(6));
    await order(6);
    await nothingPending();
    expect(await orderIds()).toEqual([1, 2, 3, 4, 5, 6]);
    await until("both are in the group", async () => (await names()).size === 2);
    expect(await names()).toEqual(new Set(["warehouse-0", "warehouse-1"]));
  });

  it("makes its group again when Redis has lost everything", async () => {
    consume();
    await add(...confirmation(1));
    await order(1);
    await redis.flushdb();
    await add(...confirmation(2));
    await order(2);
    await nothingPending();
  });

  it("counts what was trimmed off before it was done, and goes on", async () => {
    await redis.xgroup("CREATE", ORDER_STREAM, CONSUMER_GROUP, "0", "MKSTREAM");
    const lost = await add(...confirmation(1));
    await redis.xreadgroup("GROUP", CONSUMER_GROUP, "warehouse-0", "STREAMS", ORDER_STREAM, ">");
    await redis.xdel(ORDER_STREAM, lost ?? "");
    const consumer = consume();
    await add(...confirmation(2));
    await order(2);
    await nothingPending();
    expect(consumer.progress().trimmed).toBe(1);
  });

  it("notices within seconds that the line is dead", async () => {
    const proxy = await startProxy(server.url);
    const consumer = consume({ redisUrl: proxy.url });
    await add(...confirmation(1));
    await order(1);
    proxy.blackHole();
    await add(...confirmation(2));
    await order(2, 8_000);
    proxy.cut();
    await add(...confirmation(3));
    const before = consumer.progress().lastProgressAt;
    await until("new connections are refused", async () => redis.ping());
    proxy.mend();
    await order(3);
    expect(consumer.progress().lastProgressAt.getTime()).toBeGreaterThan(before.getTime());
    await stopAll();
    await proxy.close();
  });

  it("sends what it can't read to the dead letters at once, and takes the others", async () => {
    consume();
    await add("type", "order.confirmed", "order_id", "-5", "items", "[]", "note", "a\0b");
    await add("type", "order.created", "order_id", "5");
    await add("nonsense", "1");
    await add(...confirmation(7));
    await order(7);
    await nothingPending();
    expect(
      (await openLetters()).map(({ reason, event_type, payload, attempts }) => ({
        reason,
        event_type,
        payload,
        attempts,
      })),
    ).toEqual([
      { reason: "type: is missing", event_type: "", payload: { nonsense: "1" }, attempts: 1 },
      {
        reason: 'order_id: must be a positive id, not "-5"; items: must not be empty',
        event_type: "order.confirmed",
        payload: { type: "order.confirmed", order_id: "-5", items: "[]", note: "a\uFFFDb" },
        attempts: 1,
      },
    ]);
  });

  it("survives orders for more units than there can be", async () => {
    consume();
    await makeListings(test.db, [1n]);
    for (const id of [1, 2, 3])
      await add(
        ...confirmation(id, [line(1, 1_000_000_000), line(1, 1_000_000_000), line(1, 1_000_000_000)]),
      );
    await add(...confirmation(4));
    await order(4);
    await nothingPending();
    expect(await orderIds()).toEqual([1, 2, 3, 4]);
    expect(await openLetters()).toEqual([]);
  });

  it("gives up on what fails eight times, while the others go on", async () => {
    await refuseOrder(13);
    consume();
    for (const id of [12, 13, 14]) await add(...confirmation(id));
    const [letter] = await until("it is given up", async () => {
      const letters = await openLetters();
      return letters.length > 0 && letters;
    });
    expect(letter).toMatchObject({
      event_type: "order.confirmed",
      attempts: 8,
      reason: "no luck",
      stream: ORDER_STREAM,
    });
    await nothingPending();
    expect(await orderIds()).toEqual([12, 14]);
  });

  it("takes a dead letter that was put back, once, and opens it again when it fails again", async () => {
    await refuseOrder(13);
    relays.push(startRelay({ databaseUrl: test.url, redisUrl: server.url, logger: silent, pollMs: 20 }));
    consume();
    await add(...confirmation(13, [line(1, 1)], "event-13"));
    const givenUp = () => until("it is given up", async () => (await openLetters())[0]);
    const { id } = await givenUp();
    expect(await redriveDeadLetters(test.db, freshCall(), [id])).toMatchObject({
      redriven: 1,
      dead_letters: [{ status: "redriven" }],
    });
    expect(await givenUp()).toMatchObject({ id, attempts: 16, event_id: "event-13" });

    await sql`drop trigger refuse_order on orders`.execute(test.db);
    const twice = await Promise.all([1, 2].map(() => redriveDeadLetters(test.db, freshCall(), [id])));
    expect(new Set(twice.map(({ redriven }) => redriven))).toEqual(new Set([0, 1]));
    await order(13);
    await nothingPending();
    const entries = await readStream(redis, ORDER_STREAM);
    expect(entries.map(({ fields }) => fields["event_id"])).toEqual(["event-13", "event-13", "event-13"]);
    expect(entries.at(-1)?.fields).toMatchObject({
      type: "order.confirmed",
      order_id: "13",
      aggregate_id: `dead_letter:${id}`,
    });
    expect(await openLetters()).toEqual([]);
    await expect(discardDeadLetter(test.db, freshCall(), id)).rejects.toMatchObject({
      reason: "ILLEGAL_TRANSITION",
    });
  });

  it("puts a dead letter aside for good when told", async () => {
    consume();
    await add("type", "order.cancelled");
    const { id } = await until("it is there", async () => (await openLetters())[0]);
    expect(await discardDeadLetter(test.db, freshCall(), id)).toMatchObject({ id, status: "discarded" });
    expect(await redriveDeadLetters(test.db, freshCall(), [id])).toMatchObject({ redriven: 0 });
    await expect(redriveDeadLetters(test.db, freshCall(), [id, 999n])).rejects.toMatchObject({
      reason: "DEAD_LETTER_NOT_FOUND",
    });
  });
});
