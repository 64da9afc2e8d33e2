import { randomUUID } from "node:crypto";
import { status } from "@grpc/grpc-js";
import type { Redis } from "ioredis";
import { sql } from "kysely";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DeadLetterStatus, OperationsService } from "../../gen/wms/v1/operations_service_pb.js";
import { insertDeadLetters } from "../../src/db/dead-letters.ts";
import { inTransaction } from "../../src/db/transaction.ts";
import { ORDER_STREAM } from "../../src/domain/events.ts";
import { startConsumer } from "../../src/events/consumer.ts";
import { orderEntryHandler } from "../../src/events/order-consumer.ts";
import { startRelay } from "../../src/events/relay.ts";
import { serviceHandlers } from "../../src/rpc/service-handlers.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { type Doors, noStreams, openDoors, TestClient } from "../support/doors.ts";
import { type TestRedis, testRedis } from "../support/redis.ts";
import { openRedis, readStream, silent } from "../support/streams.ts";
import { until } from "../support/until.ts";
import { makeListings, makeWarehouses, place, stockOf } from "../support/world.ts";

const { listDeadLetters, getDeadLetter, redriveDeadLetters, discardDeadLetter, listAlerts } =
  OperationsService.method;

let base: TestDatabase;
let server: TestRedis;
let redis: Redis;
let doors: Doors;
let client: TestClient;
const loops: { stop(): Promise<void> }[] = [];

beforeEach(async () => {
  [base, server] = await Promise.all([testDatabase(), testRedis()]);
  redis = openRedis(server.url);
  const logger = pino({ level: "silent" });
  doors = await openDoors(serviceHandlers({ db: base.db, logger, readStreamLag: noStreams }));
  client = new TestClient(doors.grpcAddress);
});
afterEach(async () => {
  await Promise.all(loops.splice(0).map((loop) => loop.stop()));
  client.close();
  await doors.close();
  redis.disconnect();
  await Promise.all([base.close(), server.close()]);
});

function startLoops(): void {
  const handler = orderEntryHandler(base.db, silent);
  const timing = { claimIdleMs: 60_000, claimEveryMs: 100, retryMs: 20 };
  loops.push(startConsumer({ redisUrl: server.url, db: base.db, logger: silent, handler, ...timing }));
  loops.push(startRelay({ databaseUrl: base.url, redisUrl: server.url, logger: silent, pollMs: 20 }));
}

function addOrder(order_id: number, quantity = 1, event_id: string = randomUUID()): Promise<string | null> {
  const items = JSON.stringify([{ listing_id: 1, quantity }]);
  const fields = { type: "order.confirmed", event_id, order_id: String(order_id), storefront_id: "1", items };
  return redis.xadd(ORDER_STREAM, "*", ...Object.entries(fields).flat());
}

/** While this stands, such orders can't be stored: a fault of ours, not of the message. */
async function refuseOrders(condition: string): Promise<void> {
  await sql
    .raw(`
    create function refuse_order() returns trigger language plpgsql as $$ begin raise exception 'no luck with %', new.order_id; end $$;
    create trigger refuse_order before insert on orders for each row when (${condition}) execute function refuse_order()`)
    .execute(base.db);
}

const mend = () => sql`drop trigger refuse_order on orders`.execute(base.db);

async function orderIds(): Promise<number[]> {
  const { rows } = await sql<{ order_id: bigint }>`select order_id from orders order by order_id`.execute(
    base.db,
  );
  return rows.map((row) => Number(row.order_id));
}

const openLetters = async () => (await client.call(listDeadLetters, {})).deadLetters;

const lettersAre = (count: number) =>
  until(`${count} dead letters`, async () => {
    const letters = await openLetters();
    return letters.length === count && letters;
  });

describe("a poison message (row 32)", () => {
  it("goes to the dead letters after eight attempts, with reason and trace, while the others go on", async () => {
    await refuseOrders("new.order_id = 13");
    startLoops();
    for (let id = 1; id <= 40; id++) await addOrder(id);
    const [letter] = await lettersAre(1);
    expect(letter).toMatchObject({
      stream: ORDER_STREAM,
      eventType: "order.confirmed",
      attempts: 8,
      reason: "no luck with 13",
      status: DeadLetterStatus.OPEN,
      trace: "",
    });
    expect((await orderIds()).length).toBe(39);
    const whole = await client.call(getDeadLetter, { deadLetterId: letter!.id });
    expect(whole).toMatchObject({ payload: { order_id: "13" }, reason: "no luck with 13" });
    expect(whole.trace).toMatch(/take-order-events|order-intake/);
    const { alerts } = await client.call(listAlerts, {});
    expect(alerts).toMatchObject([
      {
        name: "dead_letters_open",
        value: 1,
        summary: expect.stringMatching(
          /^1 dead letters of listings:events:orders \(order.confirmed\), .*no luck with 13; since \S+Z \(0 min\)$/,
        ),
      },
    ]);
  });
});

describe("RedriveDeadLetters (row 33)", () => {
  it("by filter, twice and at once, puts each letter back once, and each has one effect", async () => {
    const [warehouse] = await makeWarehouses(base.db);
    await makeListings(base.db, [1n]);
    await place(base.db, warehouse!, 1n, 100);
    await refuseOrders("new.order_id <= 5");
    startLoops();
    for (let id = 1; id <= 6; id++) await addOrder(id, 3, `event-${id}`);
    await lettersAre(5);
    await mend();
    const filter = { stream: ORDER_STREAM, eventType: "order.confirmed", reason: "NO LUCK" };
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => client.call(redriveDeadLetters, { filter, requestId: randomUUID() })),
    );
    const inOrder = (numbers: number[]) => numbers.sort((a, b) => a - b);
    expect(inOrder(answers.map(({ redriven }) => redriven))).toEqual([0, 0, 0, 0, 5]);
    expect(inOrder(answers.map(({ deadLetters }) => deadLetters.length))).toEqual([0, 0, 0, 0, 5]);
    await until("all orders are taken", async () => (await orderIds()).length === 6);
    const again = await client.call(redriveDeadLetters, { filter, requestId: randomUUID() });
    expect(again).toMatchObject({ redriven: 0, remaining: 0n, deadLetters: [] });
    const ids = await readStream(redis, ORDER_STREAM);
    expect(ids.map(({ fields }) => String(fields["event_id"])).sort((a, b) => a.localeCompare(b))).toEqual(
      [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6].map((id) => `event-${id}`),
    );
    expect(await stockOf(base.db, 1n)).toEqual({ quantity: 100, reserved: 18 });
    expect((await client.call(listAlerts, {})).alerts).toEqual([]);
  });

  it("by ids, twice, puts a letter back once, and its effect happens once although it had happened before", async () => {
    startLoops();
    await addOrder(1, 1, "event-1");
    await until("it is taken", async () => (await orderIds()).length === 1);
    // What was done already, and landed here all the same: a crash of somebody else's making.
    await keep([{ event_id: "event-1", payload: { ...(await readStream(redis, ORDER_STREAM))[0]!.fields } }]);
    const [letter] = await lettersAre(1);
    const requestId = randomUUID();
    const deadLetterIds = [letter!.id];
    const first = await client.call(redriveDeadLetters, { deadLetterIds, requestId });
    expect(first).toMatchObject({ redriven: 1, deadLetters: [{ status: DeadLetterStatus.REDRIVEN }] });
    expect(await client.call(redriveDeadLetters, { deadLetterIds, requestId })).toEqual(first);
    expect(await client.call(redriveDeadLetters, { deadLetterIds })).toMatchObject({ redriven: 0 });
    await until("it is back", async () => (await readStream(redis, ORDER_STREAM)).length === 2);
    await addOrder(2);
    await until("what came after it is taken", async () => (await orderIds()).includes(2));
    expect(await orderIds()).toEqual([1, 2]);
    expect(await openLetters()).toEqual([]);
  });

  it("takes the oldest that fit, as many as asked for, and says how many are left", async () => {
    await keep([
      { event_type: "order.confirmed", reason: "no luck" },
      { event_type: "order.cancelled", reason: "no luck" },
      { event_type: "order.confirmed", reason: "50% off_" },
      { event_type: "order.confirmed", reason: "no luck", stream: "other" },
      { event_type: "", reason: "no luck" },
    ]);
    const redrive = async (filter: object, limit = 0) => {
      const { deadLetters, redriven, remaining } = await client.call(redriveDeadLetters, { filter, limit });
      expect(redriven).toBe(deadLetters.length);
      return [deadLetters.map(({ id }) => Number(id)), Number(remaining)];
    };
    expect(await redrive({ reason: "0% OFF_" })).toEqual([[3], 0]);
    expect(await redrive({ reason: "%" })).toEqual([[], 0]); // no pattern
    expect(await redrive({ eventType: "" })).toEqual([[5], 0]);
    expect(await redrive({ stream: ORDER_STREAM, eventType: "order.confirmed" })).toEqual([[1], 0]);
    expect(await redrive({}, 1)).toEqual([[2], 1]);
    expect(await redrive({})).toEqual([[4], 0]);
  });

  it.each([
    ["neither ids nor a filter", {}, "dead_letter_ids"],
    ["both", { deadLetterIds: [1n], filter: {} }, "filter"],
    ["a limit without a filter", { deadLetterIds: [1n], limit: 5 }, "limit"],
    ["a limit below zero", { filter: {}, limit: -1 }, "limit"],
    ["a limit above the most", { filter: {}, limit: 1001 }, "limit"],
    ["an empty stream", { filter: { stream: "" } }, "filter.stream"],
    ["an empty reason", { filter: { reason: " " } }, "filter.reason"],
  ])("refuses %s", async (_, request, field) => {
    expect(await client.refusal(redriveDeadLetters, request)).toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: "INVALID_FIELD",
      fields: [field],
    });
  });

  it("knows its request ids, by filter too", async () => {
    await keep([{}, {}]);
    const request = { filter: {}, limit: 1, requestId: randomUUID() };
    const first = await client.call(redriveDeadLetters, request);
    expect(first).toMatchObject({ redriven: 1, remaining: 1n });
    expect(await client.call(redriveDeadLetters, request)).toEqual(first);
    expect(await client.refusal(redriveDeadLetters, { ...request, limit: 2 })).toMatchObject({
      reason: "REQUEST_ID_REUSED",
    });
    expect(await openLetters()).toHaveLength(1);
  });
});

describe("DiscardDeadLetter", () => {
  it("puts a letter aside for good, and its alert with it", async () => {
    await keep([{}]);
    const [letter] = await openLetters();
    const request = { deadLetterId: letter!.id, reason: "a test order" };
    expect(await client.call(discardDeadLetter, request)).toMatchObject({
      status: DeadLetterStatus.DISCARDED,
    });
    expect(await client.refusal(discardDeadLetter, request)).toMatchObject({ reason: "ILLEGAL_TRANSITION" });
    expect(await client.call(redriveDeadLetters, { filter: {} })).toMatchObject({ redriven: 0 });
    expect((await client.call(listAlerts, {})).alerts).toEqual([]);
  });
});

interface Kept {
  event_id?: string;
  event_type?: string;
  reason?: string;
  stream?: string;
  payload?: Record<string, string>;
}

function keep(letters: readonly Kept[]): Promise<void> {
  const whole = letters.map((letter, index) => ({
    stream: ORDER_STREAM,
    entry_id: `${index}-7`,
    event_id: `kept-${index}`,
    event_type: "order.confirmed",
    payload: {},
    reason: "no luck",
    trace: "",
    attempts: 1,
    ...letter,
  }));
  return inTransaction(base.db, (trx) => insertDeadLetters(trx, whole));
}
