import { sql } from "kysely";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Database } from "../../src/db/database.ts";
import { findOrderView } from "../../src/db/order-views.ts";
import { type PickingTaskView, pickingTaskView } from "../../src/db/picking-views.ts";
import { takeOrderEvents } from "../../src/use-cases/orders/take-order-events.ts";
import { completePickingTask } from "../../src/use-cases/picking/complete-picking-task.ts";
import { pickItem } from "../../src/use-cases/picking/pick-item.ts";
import { PickLane } from "../../src/use-cases/picking/pick-lane.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { brokenLaws, eventsOf, makeTask, OPERATOR, pickOf, refusal } from "../support/picking.ts";
import {
  cancelled,
  freshCall,
  makeListings,
  makeWarehouses,
  place,
  serveBackorders,
  type TestWarehouse,
} from "../support/world.ts";

let test: TestDatabase;
let db: Database;
let lane: PickLane;
let house: TestWarehouse;
let far: TestWarehouse;
let nextListing = 100n;

beforeAll(async () => {
  test = await testDatabase();
  db = test.db;
  lane = new PickLane(db);
  [house, far] = (await makeWarehouses(db, 2, 20)) as [TestWarehouse, TestWarehouse];
});
afterEach(async () => expect(await brokenLaws(db)).toEqual({}));
afterAll(() => test.close());

async function listing(strategy: "fifo" | "fefo" | "lifo" = "fifo"): Promise<bigint> {
  const id = nextListing++;
  await makeListings(db, [id], strategy);
  return id;
}

const firstItem = (task: PickingTaskView) => task.items[0] as PickingTaskView["items"][number];
const short = (task: PickingTaskView, found: number) =>
  pickItem(db, lane, pickOf(firstItem(task), found, { short_reason: "not there" }));

/** quantity and reserved of a lot. */
async function lot(id: bigint): Promise<[number, number]> {
  const { rows } = await sql<{ quantity: number; reserved_quantity: number }>`
    select quantity, reserved_quantity from product_locations where id = ${id}`.execute(db);
  return [rows[0]?.quantity ?? -1, rows[0]?.reserved_quantity ?? -1];
}

async function quarantined(listing_id: bigint) {
  const { rows } = await sql`
    select quantity, for_sale, lot_code, expires_on, received_at from product_locations lot
    join locations l on l.id = lot.location_id where listing_id = ${listing_id} and l.kind = 'quarantine'`.execute(
    db,
  );
  return rows;
}

describe("a short pick", () => {
  it("picks what was found, takes the missing units out of sale and sends the picker to the next lots", async () => {
    const id = await listing();
    const old = await place(db, house, id, 5, { age: 9, bin: 4, lot_code: "L1", expires_on: "2030-01-31" });
    const middle = await place(db, house, id, 2, { age: 5, bin: 8 });
    const young = await place(db, house, id, 9, { age: 1, bin: 1 });
    const task = await makeTask(db, [{ listing_id: id, quantity: 5 }]);
    const answer = await short(task, 1);
    expect(answer.task).toEqual(await pickingTaskView(db, task.id));
    expect([answer.task.total_items, answer.task.picked_items]).toEqual([3, 1]);
    const [item, ...rest] = answer.task.items;
    expect(item).toMatchObject({
      status: "short",
      quantity_required: 5,
      quantity_picked: 1,
      open_quantity: 0,
      notes: "not there",
    });
    expect(rest.map((next) => [next.product_location_id, next.quantity_required, next.status])).toEqual([
      [middle, 2, "pending"], // ahead on the route
      [young, 2, "pending"], // behind the picker: last
    ]);
    expect(answer.replacement_ids).toEqual(rest.map((next) => next.id));
    expect(answer.next_item_id).toBe(rest[0]?.id);
    expect([await lot(old), await lot(middle), await lot(young)]).toEqual([
      [0, 0],
      [2, 2],
      [9, 2],
    ]);
    const [gone] = await quarantined(id);
    expect(gone).toMatchObject({ quantity: 4, for_sale: false, lot_code: "L1", expires_on: "2030-01-31" });
    expect(await eventsOf(db, task.order_id)).toEqual(
      expect.arrayContaining(["picking.item_picked", "picking.shortage", "inventory.reserved"]),
    );
    expect((await findOrderView(db, task.order_id))?.fulfillments.map((part) => part.status)).toEqual([
      "picking",
    ]);
    for (const next of rest) await pickItem(db, lane, pickOf(next, 2));
    await completePickingTask(db, freshCall(), { task_id: task.id, actor: OPERATOR });
    expect((await findOrderView(db, task.order_id))?.items[0]).toMatchObject({
      picked_quantity: 5,
      shortage_quantity: 0,
    });
  });

  it("with nothing found is short with 0, and nothing more can be picked of it", async () => {
    const id = await listing();
    await place(db, house, id, 3);
    const task = await makeTask(db, [{ listing_id: id, quantity: 3 }]);
    const answer = await short(task, 0);
    expect(answer.task.items[0]).toMatchObject({ status: "short", quantity_picked: 0, picked_at: null });
    const again = await refusal(pickItem(db, lane, pickOf(firstItem(task), 1)));
    expect([again.reason, again.metadata["remaining"]]).toEqual(["QUANTITY_EXCEEDED", "0"]);
    expect((await refusal(short(task, 0))).reason).toBe("QUANTITY_EXCEEDED");
  });

  it("records a shortage when no lot is left: ships what there is, the rest is backordered and served when stock comes", async () => {
    const id = await listing();
    await place(db, house, id, 4);
    await place(db, far, id, 50, { age: 50 });
    const task = await makeTask(db, [{ listing_id: id, quantity: 4, warehouse_id: house.id }]);
    const answer = await short(task, 3);
    expect([answer.replacement_ids, answer.next_item_id]).toEqual([[], null]);
    const order = await findOrderView(db, task.order_id);
    expect(order?.items[0]).toMatchObject({
      picked_quantity: 3,
      allocated_quantity: 3,
      shortage_quantity: 1,
    });
    expect(order?.fulfillments.map((part) => part.status).sort()).toEqual(["backordered", "picking"]);
    await completePickingTask(db, freshCall(), { task_id: task.id, actor: OPERATOR });
    await place(db, house, id, 10);
    await serveBackorders(db);
    const served = await findOrderView(db, task.order_id);
    expect(served?.items[0]).toMatchObject({ allocated_quantity: 4, shortage_quantity: 0 });
    expect(served?.fulfillments.map((part) => part.status).sort()).toEqual(["picked", "planning"]);
  });

  it("replaces what it can and lets the order wait for the rest", async () => {
    const id = await listing();
    await place(db, house, id, 4, { age: 9 });
    const task = await makeTask(db, [{ listing_id: id, quantity: 4 }]);
    const rest = await place(db, house, id, 1, { bin: 2 });
    const answer = await short(task, 1);
    expect(answer.replacement_ids).toHaveLength(1);
    expect(await lot(rest)).toEqual([1, 1]);
    expect((await findOrderView(db, task.order_id))?.items[0]?.shortage_quantity).toBe(2);
    const { rows } = await sql<{ payload: Record<string, string> }>`
      select payload from outbox where type = 'picking.shortage' and payload ->> 'task_id' = ${String(task.id)}`.execute(
      db,
    );
    expect(rows[0]?.payload).toMatchObject({ quantity: "3", replaced_quantity: "1", reason: "not there" });
  });

  it("leaves alone what other orders have reserved of the lot", async () => {
    const id = await listing();
    const shared = await place(db, house, id, 5);
    const mine = await makeTask(db, [{ listing_id: id, quantity: 2 }]);
    const theirs = await makeTask(db, [{ listing_id: id, quantity: 3 }]);
    await short(mine, 0);
    expect(await lot(shared)).toEqual([3, 3]);
    expect((await quarantined(id))[0]).toMatchObject({ quantity: 2 });
    expect((await pickItem(db, lane, pickOf(firstItem(theirs), 3))).task.items[0]?.status).toBe("picked");
  });

  it("does not send the picker back to the shelf that he has just found empty", async () => {
    const id = await listing();
    const doubted = await place(db, house, id, 10, { age: 9 });
    const other = await place(db, house, id, 10, { age: 1, bin: 3 });
    const task = await makeTask(db, [{ listing_id: id, quantity: 3 }]);
    const answer = await short(task, 1);
    expect(answer.task.items.map((item) => item.product_location_id)).toEqual([doubted, other]);
    expect(await lot(doubted)).toEqual([7, 0]);
  });

  it.each([
    ["fifo", ["2030-01-01", "2030-02-02"], 1],
    ["fefo", ["2030-03-03", "2030-02-02"], 2],
    ["lifo", ["2030-01-01", "2030-02-02"], 2],
  ] as const)("goes on in %s order", async (strategy, [older, younger], expected) => {
    const id = await listing(strategy);
    await place(db, house, id, 1, strategy === "lifo" ? { age: 1 } : { age: 99, expires_on: "2029-01-01" });
    const lots = [
      await place(db, house, id, 5, { age: 50, bin: 1, expires_on: older }),
      await place(db, house, id, 5, { age: 20, bin: 2, expires_on: younger }),
    ];
    const task = await makeTask(db, [{ listing_id: id, quantity: 1 }]);
    const answer = await short(task, 0);
    expect(answer.task.items[1]?.product_location_id).toBe(lots[expected - 1]);
  });

  it("can follow a partial pick, and gives the same answer twice to one request id", async () => {
    const id = await listing();
    await place(db, house, id, 3, { age: 9 });
    await place(db, house, id, 3, { age: 1, bin: 1 });
    const task = await makeTask(db, [{ listing_id: id, quantity: 3 }]);
    await pickItem(db, lane, pickOf(firstItem(task), 1));
    const request = pickOf(firstItem(task), 1, { short_reason: "broken" });
    const [first, second] = await Promise.all([pickItem(db, lane, request), pickItem(db, lane, request)]);
    expect(second).toEqual(first);
    expect(first.task.items.map((item) => [item.quantity_required, item.quantity_picked])).toEqual([
      [3, 2],
      [1, 0],
    ]);
    expect([first.task.picked_items, first.task.total_items]).toEqual([1, 2]);
  });

  it("is a plain pick when everything was found after all", async () => {
    const id = await listing();
    await place(db, house, id, 3);
    const task = await makeTask(db, [{ listing_id: id, quantity: 3 }]);
    const answer = await short(task, 3);
    expect(answer.task.items[0]).toMatchObject({ status: "picked", notes: null });
    expect(await quarantined(id)).toEqual([]);
  });

  it("of many orders at once on few lots repairs each and deadlocks none", async () => {
    const id = await listing();
    for (let bin = 0; bin < 10; bin++) await place(db, house, id, 4, { age: 30 - bin, bin });
    const tasks: PickingTaskView[] = [];
    for (let count = 0; count < 10; count++)
      tasks.push(await makeTask(db, [{ listing_id: id, quantity: 3 }]));
    const calls = tasks.flatMap((task) =>
      task.items.map((item) => pickItem(db, lane, pickOf(item, 0, { short_reason: "?" }))),
    );
    const outcomes = await Promise.allSettled(calls);
    expect(outcomes.filter((outcome) => outcome.status === "rejected")).toEqual([]);
  });
});

describe("an order that goes whole or not at all", () => {
  it("is packed only when its last unit is picked, or not wanted any more", async () => {
    const id = await listing();
    await place(db, house, id, 4);
    const [picked, wished] = [
      await makeTask(db, [{ listing_id: id, quantity: 2 }], "in_progress", "reject"),
      await makeTask(db, [{ listing_id: id, quantity: 2 }], "in_progress", "reject"),
    ];
    for (const task of [picked, wished]) {
      await short(task, 1);
      await completePickingTask(db, freshCall(), { task_id: task.id, actor: OPERATOR });
    }
    const packing = async (order_id: bigint) => {
      const { rows } = await sql`select from packing_tasks where order_id = ${order_id}`.execute(db);
      return rows.length;
    };
    expect([await packing(picked.order_id), await packing(wished.order_id)]).toEqual([0, 0]);
    await takeOrderEvents(db, [cancelled(wished.order_id, [{ listing_id: id, quantity: 1 }])]);
    expect([await packing(picked.order_id), await packing(wished.order_id)]).toEqual([0, 1]);
  });
});
