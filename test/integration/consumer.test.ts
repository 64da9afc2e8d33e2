import type { Redis } from "ioredis";
import { sql } from "kysely";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Database } from "../../src/db/database.ts";
import { ORDER_STREAM } from "../../src/domain/events.ts";
import { discardDeadLetter, redriveDeadLetters } from "../../src/use-cases/maintenance/dead-letters.ts";
import { ConsumerWorld, cancellation, confirmation, line } from "../support/consumers.ts";
import { readStream } from "../support/streams.ts";
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

describe("the order consumer", () => {
  it("gives an event one effect, however often and by however many it is taken", async () => {
    const [warehouse] = await makeWarehouses(db);
    await makeListings(db, [1n]);
    await place(db, warehouse!, 1n, 1000);
    const events = Array.from({ length: 60 }, (_, index) => confirmation(index + 1, [line(1, 3)]));
    // Units cancelled twice would show, where an order confirmed twice is the same order.
    const returns = Array.from({ length: 60 }, (_, index) => cancellation(index + 1, [line(1, 1)]));
    const thrice = [1, 2, 3].flatMap(() => [...events, ...returns]).sort(() => Math.random() - 0.5);
    for (const _ of [1, 2, 3]) world.consume();
    await Promise.all(thrice.map((fields) => world.add(...fields)));
    await world.order(60);
    await world.nothingPending();
    expect((await world.orderIds()).length).toBe(60);
    expect(await stockOf(db, 1n)).toEqual({ quantity: 1000, reserved: 120 });
    const { rows } = await sql<{ tasks: bigint; keys: bigint }>`
      select (select count(*) from picking_tasks) as tasks, (select count(*) from processed_events) as keys`.execute(
      db,
    );
    expect(rows).toEqual([{ tasks: 60n, keys: 120n }]);
  });

  it("finishes first what it had begun before it died", async () => {
    await world.makeGroup();
    for (const id of [1, 2, 3]) await world.add(...confirmation(id));
    await world.takeAs("warehouse-0", 2);
    world.consume();
    await world.order(3);
    await world.nothingPending();
    expect(await world.orderIds()).toEqual([1, 2, 3]);
  });

  it("takes over what another began and never finished", async () => {
    await world.makeGroup();
    await world.add(...confirmation(1));
    await world.takeAs("somebody", 1);
    world.consume({ claimIdleMs: 50 });
    await world.order(1);
    await world.nothingPending();
  });

  it("acknowledges only after the commit", async () => {
    world.consume();
    await world.add(...confirmation(1));
    await world.order(1);
    await db.transaction().execute(async (trx) => {
      await sql`lock table orders in access exclusive mode`.execute(trx);
      await world.add(...confirmation(2));
      await until("the database is waited for", async () => {
        const { rows } = await sql`select from pg_locks where not granted`.execute(db);
        return rows.length > 0;
      });
      expect(await world.pendingCount()).toBe(1);
    });
    await world.order(2);
    await world.nothingPending();
  });

  it("keeps a batch that it was stopped in, and gives its number back", async () => {
    world.consume();
    for (const id of [1, 2, 3, 4, 5]) await world.add(...confirmation(id));
    await world.order(1);
    await world.stopAll();
    world.consume();
    world.consume();
    await world.add(...confirmation(6));
    await world.order(6);
    await world.nothingPending();
    expect(await world.orderIds()).toEqual([1, 2, 3, 4, 5, 6]);
    await until("both are in the group", async () => (await world.groupNames()).length === 2);
    expect(await world.groupNames()).toEqual(["warehouse-0", "warehouse-1"]);
  });

  it("sends what it can't read to the dead letters at once, and takes the others", async () => {
    world.consume();
    await world.add("type", "order.confirmed", "order_id", "-5", "items", "[]", "note", "a\0b");
    await world.add("type", "order.created", "order_id", "5");
    await world.add("nonsense", "1");
    await world.add(...confirmation(7));
    await world.order(7);
    await world.nothingPending();
    expect(
      (await world.openLetters()).map(({ reason, event_type, payload, attempts }) => ({
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
    world.consume();
    await makeListings(db, [1n]);
    for (const id of [1, 2, 3])
      await world.add(
        ...confirmation(id, [line(1, 1_000_000_000), line(1, 1_000_000_000), line(1, 1_000_000_000)]),
      );
    await world.add(...confirmation(4));
    await world.order(4);
    await world.nothingPending();
    expect(await world.orderIds()).toEqual([1, 2, 3, 4]);
    expect(await world.openLetters()).toEqual([]);
  });

  it("takes a dead letter that was put back, once, and opens it again when it fails again", async () => {
    await world.refuseOrder(13);
    world.relay();
    world.consume();
    await world.add(...confirmation(13, [line(1, 1)], "event-13"));
    const givenUp = () => until("it is given up", async () => (await world.openLetters())[0]);
    const { id } = await givenUp();
    expect(await redriveDeadLetters(db, freshCall(), [id])).toMatchObject({
      redriven: 1,
      dead_letters: [{ status: "redriven" }],
    });
    expect(await givenUp()).toMatchObject({ id, attempts: 16, event_id: "event-13" });

    await sql`drop trigger refuse_order on orders`.execute(db);
    const twice = await Promise.all([1, 2].map(() => redriveDeadLetters(db, freshCall(), [id])));
    expect(new Set(twice.map(({ redriven }) => redriven))).toEqual(new Set([0, 1]));
    await world.order(13);
    await world.nothingPending();
    const entries = await readStream(redis, ORDER_STREAM);
    expect(entries.map(({ fields }) => fields["event_id"])).toEqual(["event-13", "event-13", "event-13"]);
    expect(entries.at(-1)?.fields).toMatchObject({
      type: "order.confirmed",
      order_id: "13",
      aggregate_id: `dead_letter:${id}`,
    });
    expect(await world.openLetters()).toEqual([]);
    await expect(discardDeadLetter(db, freshCall(), id)).rejects.toMatchObject({
      reason: "ILLEGAL_TRANSITION",
    });
  });

  it("puts a dead letter aside for good when told", async () => {
    world.consume();
    await world.add("type", "order.cancelled");
    const { id } = await until("it is there", async () => (await world.openLetters())[0]);
    expect(await discardDeadLetter(db, freshCall(), id)).toMatchObject({ id, status: "discarded" });
    expect(await redriveDeadLetters(db, freshCall(), [id])).toMatchObject({ redriven: 0 });
    await expect(redriveDeadLetters(db, freshCall(), [id, 999n])).rejects.toMatchObject({
      reason: "DEAD_LETTER_NOT_FOUND",
    });
  });
});
