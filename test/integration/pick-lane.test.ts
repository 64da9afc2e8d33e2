import { sql } from "kysely";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createDatabase, createPool, type Database } from "../../src/db/database.ts";
import { type PickingTaskView, pickingTaskView } from "../../src/db/picking-views.ts";
import { inTransaction } from "../../src/db/transaction.ts";
import { completePickingTask } from "../../src/use-cases/picking/complete-picking-task.ts";
import { PickLane } from "../../src/use-cases/picking/pick-lane.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { brokenLaws, makeTask, OPERATOR, pickOf, refusal } from "../support/picking.ts";
import {
  freshCall,
  makeListings,
  makeWarehouses,
  place,
  stockOf,
  type TestWarehouse,
} from "../support/world.ts";

let test: TestDatabase;
let db: Database;
let lane: PickLane;
let house: TestWarehouse;
let nextListing = 100n;

beforeAll(async () => {
  test = await testDatabase();
  db = test.db;
  lane = new PickLane(db);
  [house] = (await makeWarehouses(db, 1, 20)) as [TestWarehouse];
});
afterEach(async () => expect(await brokenLaws(db)).toEqual({}));
afterAll(() => test.close());

type Item = PickingTaskView["items"][number];

/** So many tasks of one item each, all from one lot. */
async function items(count: number, quantity = 3): Promise<Item[]> {
  const listing_id = nextListing++;
  await makeListings(db, [listing_id]);
  await place(db, house, listing_id, count * quantity);
  const tasks: PickingTaskView[] = [];
  for (let made = 0; made < count; made++) tasks.push(await makeTask(db, [{ listing_id, quantity }]));
  return tasks.flatMap((task) => task.items);
}

async function one(quantity = 3): Promise<Item> {
  return (await items(1, quantity))[0] as Item;
}

async function transactions(): Promise<number> {
  const { rows } = await sql<{ count: bigint }>`
    select count(distinct xmin::text) as count from inventory_movements where reason = 'pick'`.execute(db);
  return Number(rows[0]?.count);
}

describe("picks that come at once", () => {
  it("share a few transactions, and each gets its own answer", async () => {
    const all = await items(80);
    const before = await transactions();
    const answers = await Promise.all(all.map((item) => lane.pick(pickOf(item, 3))));
    expect(await transactions()).toBe(before + 3); // 32 + 32 + 16
    answers.forEach((answer, index) => {
      expect(answer.item_id).toBe(all[index]?.id);
      expect(answer.task.items[0]?.status).toBe("picked");
    });
    expect(await stockOf(db, all[0]?.listing_id as bigint)).toEqual({ quantity: 0, reserved: 0 });
  });

  it("are judged one by one: what is wrong with one spoils no other", async () => {
    const all = await items(6);
    const requests = all.map((item, index) => pickOf(item, index % 2 === 0 ? 3 : 4));
    const before = await transactions();
    const outcomes = await Promise.allSettled(requests.map((request) => lane.pick(request)));
    expect(outcomes.map((outcome) => outcome.status)).toEqual(
      all.map((_, index) => (index % 2 === 0 ? "fulfilled" : "rejected")),
    );
    expect(await transactions()).toBe(before + 1);
  });

  it("of one item by two workers: one gets it, the other learns its status", async () => {
    const item = await one();
    const outcomes = await Promise.allSettled([lane.pick(pickOf(item, 3)), lane.pick(pickOf(item, 3))]);
    expect(outcomes.map((outcome) => outcome.status)).toEqual(["fulfilled", "rejected"]);
    const lost = outcomes[1] as PromiseRejectedResult;
    expect([lost.reason.reason, lost.reason.metadata.from]).toEqual(["ILLEGAL_TRANSITION", "picked"]);
  });

  it("of one item add up, within one batch and over several processes", async () => {
    const item = await one(60);
    const lanes = [lane, new PickLane(db), new PickLane(db)];
    const outcomes = await Promise.allSettled(
      Array.from({ length: 90 }, (_, index) => (lanes[index % 3] as PickLane).pick(pickOf(item, 1))),
    );
    expect(outcomes.filter((outcome) => outcome.status === "fulfilled")).toHaveLength(60);
    const task = await pickingTaskView(db, item.task_id);
    expect(task.items[0]).toMatchObject({ status: "picked", quantity_picked: 60 });
    expect(task.picked_items).toBe(1);
  });

  it("race with the task's completion: either order is right", async () => {
    const all = await items(10);
    const outcomes = await Promise.allSettled(
      all.flatMap((item) => [
        lane.pick(pickOf(item, 3)),
        completePickingTask(db, freshCall(), { task_id: item.task_id, actor: OPERATOR }),
      ]),
    );
    expect(
      outcomes.filter((_, index) => index % 2 === 0).every((outcome) => outcome.status === "fulfilled"),
    ).toBe(true);
  });
});

describe("a request id", () => {
  it("used fifty times at once has one effect and fifty equal answers", async () => {
    const item = await one();
    const request = pickOf(item, 1);
    const lanes = [lane, new PickLane(db), new PickLane(db)];
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) => (lanes[index % 3] as PickLane).pick(request)),
    );
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect((await pickingTaskView(db, item.task_id)).items[0]?.quantity_picked).toBe(1);
  });

  it("gets the first answer again when things have gone on", async () => {
    const item = await one();
    const request = pickOf(item, 1);
    const first = await lane.pick(request);
    await lane.pick(pickOf(item, 2));
    expect(await lane.pick(request)).toEqual(first);
    expect(first.task.items[0]).toMatchObject({ status: "short", quantity_picked: 1 });
  });

  it("with other content is refused, in one batch and later", async () => {
    const item = await one();
    const request = pickOf(item, 1);
    const other = { ...pickOf(item, 2), call: { ...request.call, bodyHash: Buffer.alloc(32, 1) } };
    const [first, second] = await Promise.allSettled([lane.pick(request), lane.pick(other)]);
    expect([first?.status, second?.status]).toEqual(["fulfilled", "rejected"]);
    expect((await refusal(lane.pick(other))).reason).toBe("REQUEST_ID_REUSED");
    const elsewhere = { ...request, call: { ...request.call, principal: "somebody else" } };
    expect((await lane.pick(elsewhere)).task.items[0]?.quantity_picked).toBe(2);
  });

  it("of a refused pick keeps that verdict, also when the same pick would succeed now", async () => {
    const item = await one();
    const early = pickOf(item, 2);
    const first = pickOf(item, 2);
    const [served, refused] = await Promise.allSettled([
      lane.pick(first),
      lane.pick(early),
      lane.pick(early),
    ]);
    expect([served?.status, refused?.status]).toEqual(["fulfilled", "rejected"]);
    const verdict = await refusal(lane.pick(early));
    expect(verdict).toEqual((refused as PromiseRejectedResult).reason);
    expect([verdict.reason, verdict.category]).toEqual(["QUANTITY_EXCEEDED", "precondition"]);
    const { id, task_id } = item;
    await sql`update picking_task_items set quantity_required = 9 where id = ${id}`.execute(db);
    expect((await refusal(lane.pick(early))).metadata).toEqual(verdict.metadata);
    await sql`update picking_task_items set quantity_required = 3 where id = ${id}`.execute(db);
    expect((await lane.pick(pickOf({ id, task_id }, 1))).task.picked_items).toBe(1);
    const { rows } = await sql<{ open: number }>`
      select count(*)::int as open from idempotency_keys where response is null`.execute(db);
    expect(rows[0]?.open).toBe(0);
  });
});

describe("the lane", () => {
  it("does not wait for a task that somebody holds", async () => {
    const [held, free] = (await items(2)) as [Item, Item];
    let waiting: Promise<unknown> = Promise.resolve();
    await inTransaction(db, async (trx) => {
      await sql`select from picking_tasks where id = ${held.task_id} for update`.execute(trx);
      waiting = lane.pick(pickOf(held, 3));
      expect((await lane.pick(pickOf(free, 3))).task.picked_items).toBe(1);
    });
    expect(await waiting).toMatchObject({ item_id: held.id });
  });

  it("tries picks one by one when a batch breaks, so that one poisons no other", async () => {
    const all = await items(5);
    const poisoned = all[2] as Item;
    // Something that no decision foresees: the database refuses this one row.
    await sql`create function refuse_poison() returns trigger language plpgsql as
      $$ begin raise exception 'poison' using errcode = 'P0001'; end $$`.execute(db);
    await sql`create trigger poison before update on picking_task_items for each row
      when (old.id = ${sql.lit(Number(poisoned.id))}) execute function refuse_poison()`.execute(db);
    const outcomes = await Promise.allSettled(all.map((item) => lane.pick(pickOf(item, 3))));
    expect(outcomes.map((outcome) => outcome.status)).toEqual(
      all.map((item) => (item === poisoned ? "rejected" : "fulfilled")),
    );
    await sql`drop trigger poison on picking_task_items`.execute(db);
    expect((await lane.pick(pickOf(poisoned, 3))).task.picked_items).toBe(1);
  });

  it("prepares its statements once a connection", async () => {
    const all = await items(3);
    const pool = createPool({ connectionString: test.url, max: 1 });
    const own = new PickLane(createDatabase(pool));
    for (const item of all) await own.pick(pickOf(item, 3));
    const { rows } = await pool.query<{ name: string }>(
      "select name from pg_prepared_statements order by name",
    );
    await pool.end();
    expect(rows.map((row) => row.name)).toEqual([
      "append_events",
      "claim_requests",
      "list_picking_items",
      "settle_requests",
      "write_picks",
    ]);
  });
});
