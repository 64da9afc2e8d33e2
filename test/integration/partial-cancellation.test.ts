import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Database } from "../../src/db/database.ts";
import { findOrderView } from "../../src/db/order-views.ts";
import { type PickingTaskView, pickingTaskView } from "../../src/db/picking-views.ts";
import type { OrderEvent } from "../../src/domain/order-event.ts";
import { verify } from "../../src/use-cases/maintenance/verify.ts";
import { cancelOrder } from "../../src/use-cases/orders/cancel-order.ts";
import { takeOrderEvents } from "../../src/use-cases/orders/take-order-events.ts";
import { cancelPickingTask } from "../../src/use-cases/picking/cancel-picking-task.ts";
import { completePickingTask } from "../../src/use-cases/picking/complete-picking-task.ts";
import { pickItem } from "../../src/use-cases/picking/pick-item.ts";
import { PickLane } from "../../src/use-cases/picking/pick-lane.ts";
import { skipPickingItem } from "../../src/use-cases/picking/skip-picking-item.ts";
import { createShipment } from "../../src/use-cases/shipping/create-shipment.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { handOverByHand } from "../support/early-shipments.ts";
import { brokenLaws, eventsOf, makeTask, OPERATOR, pickOf } from "../support/picking.ts";
import {
  cancelled,
  freshCall,
  makeListings,
  makeWarehouses,
  place,
  type TestItem,
  type TestWarehouse,
} from "../support/world.ts";

let test: TestDatabase;
let db: Database;
let lane: PickLane;
let near: TestWarehouse;
let far: TestWarehouse;
let nextListing = 100n;

beforeAll(async () => {
  test = await testDatabase();
  db = test.db;
  lane = new PickLane(db);
  [near, far] = (await makeWarehouses(db, 2, 20)) as [TestWarehouse, TestWarehouse];
});
afterEach(async () => {
  expect(await brokenLaws(db)).toEqual({});
  expect((await verify(db)).flatMap(({ violations }) => violations)).toEqual([]);
});
afterAll(() => test.close());

/** A listing with so many units in each of these lots, the oldest first. */
async function stocked(lots: readonly number[], house = near): Promise<bigint> {
  const id = nextListing++;
  await makeListings(db, [id]);
  for (const [index, units] of lots.entries())
    await place(db, house, id, units, { bin: index, age: 50 - index });
  return id;
}

type Item = PickingTaskView["items"][number];

async function items(task: PickingTaskView): Promise<readonly Item[]> {
  return (await pickingTaskView(db, task.id)).items;
}

/** The only item of a listing that is still to be handled. */
async function pendingItem(task: PickingTaskView, listing_id: bigint): Promise<Item> {
  const open = (await items(task)).filter(
    (item) => item.listing_id === listing_id && item.status === "pending",
  );
  expect(open).toHaveLength(1);
  return open[0] as Item;
}

const pick = (item: Item, quantity: number) => pickItem(db, lane, pickOf(item, quantity));
const short = (item: Item, found: number) =>
  pickItem(db, lane, pickOf(item, found, { short_reason: "not there" }));
const skip = (item: Item) =>
  skipPickingItem(db, freshCall(), {
    task_id: item.task_id,
    item_id: item.id,
    reason: "blocked",
    actor: OPERATOR,
  });
const complete = (task: PickingTaskView) =>
  completePickingTask(db, freshCall(), { task_id: task.id, actor: OPERATOR });
const cancel = (order_id: bigint, ...units: TestItem[]) => takeOrderEvents(db, [cancelled(order_id, units)]);

/** Required, picked and status of each item, in the order in which they were made. */
async function states(task: PickingTaskView) {
  return (await items(task))
    .toSorted((a, b) => Number(a.id - b.id))
    .map(({ quantity_required, quantity_picked, status }) => [quantity_required, quantity_picked, status]);
}

/** How far an order and its parts are; packing tasks that are alive are named by their units. */
async function progressOf(order_id: bigint) {
  const { rows } = await sql<{ units: number }>`
    select coalesce(sum(item.quantity), 0)::int as units from packing_tasks task
    left join packing_task_items item on item.task_id = task.id
    where task.order_id = ${order_id} and task.status <> 'cancelled' group by task.id order by task.id`.execute(
    db,
  );
  const view = await findOrderView(db, order_id);
  return {
    order: view?.status,
    parts: view?.fulfillments.map(({ status }) => status).toSorted(),
    packing: rows.map(({ units }) => units),
  };
}

const GONE = { order: "cancelled", parts: ["cancelled"], packing: [] };

describe("a fulfillment of which nothing is left", () => {
  it("ends, though a lot gave less than was required of it", async () => {
    const id = await stocked([3, 2]);
    const task = await makeTask(db, [{ listing_id: id, quantity: 3 }]);
    await short(await pendingItem(task, id), 1);
    await pick(await pendingItem(task, id), 2);
    await complete(task);
    expect((await progressOf(task.order_id)).packing).toEqual([3]);
    await cancel(task.order_id, { listing_id: id, quantity: 3 });
    expect(await progressOf(task.order_id)).toEqual(GONE);
  });

  it("ends, though no lot stood in for the missing units", async () => {
    const id = await stocked([3]);
    const task = await makeTask(db, [{ listing_id: id, quantity: 3 }]);
    await short(await pendingItem(task, id), 2);
    await complete(task);
    await cancel(task.order_id, { listing_id: id, quantity: 3 });
    expect(await progressOf(task.order_id)).toEqual({ ...GONE, parts: ["cancelled", "cancelled"] });
  });

  it("ends, though a line was skipped, and the skipped line is still waited for", async () => {
    const [a, b] = [await stocked([2]), await stocked([2])];
    const task = await makeTask(db, [
      { listing_id: a, quantity: 2 },
      { listing_id: b, quantity: 2 },
    ]);
    await pick(await pendingItem(task, a), 2);
    await skip(await pendingItem(task, b));
    await complete(task);
    await cancel(task.order_id, { listing_id: a, quantity: 2 });
    expect(await progressOf(task.order_id)).toEqual({
      order: "processing",
      parts: ["backordered", "cancelled"],
      packing: [],
    });
    await cancel(task.order_id, { listing_id: b, quantity: 2 });
    expect(await progressOf(task.order_id)).toEqual({ ...GONE, parts: ["cancelled", "cancelled"] });
  });

  it("ends while its picker is still on the way", async () => {
    const id = await stocked([3]);
    const task = await makeTask(db, [{ listing_id: id, quantity: 3 }]);
    await short(await pendingItem(task, id), 1);
    await cancel(task.order_id, { listing_id: id, quantity: 3 });
    expect(await progressOf(task.order_id)).toEqual({ ...GONE, parts: ["cancelled", "cancelled"] });
    expect((await pickingTaskView(db, task.id)).status).toBe("cancelled");
    expect(await eventsOf(db, task.order_id)).toContain("picking.cancelled");
  });

  it("goes on while anything of it is to be picked, was picked, or lies in a parcel", async () => {
    const [a, b] = [await stocked([2]), await stocked([2])];
    const task = await makeTask(db, [
      { listing_id: a, quantity: 2 },
      { listing_id: b, quantity: 2 },
    ]);
    await short(await pendingItem(task, a), 0);
    await cancel(task.order_id, { listing_id: a, quantity: 2 });
    expect(await progressOf(task.order_id)).toEqual({
      order: "processing",
      parts: ["cancelled", "picking"],
      packing: [],
    });
    await pick(await pendingItem(task, b), 2);
    await cancel(task.order_id, { listing_id: b, quantity: 1 });
    await complete(task);
    expect((await progressOf(task.order_id)).packing).toEqual([1]);
  });
});

describe("an item that was picked in part", () => {
  it("is picked when its picked units are cancelled with those that were open", async () => {
    const id = await stocked([3]);
    const task = await makeTask(db, [{ listing_id: id, quantity: 3 }]);
    await pick(await pendingItem(task, id), 2);
    expect(await states(task)).toEqual([[3, 2, "short"]]);
    await cancel(task.order_id, { listing_id: id, quantity: 2 });
    expect(await states(task)).toEqual([[1, 1, "picked"]]);
    await complete(task);
    expect((await progressOf(task.order_id)).packing).toEqual([1]);
  });

  it("is so by RPC too, as far as the wish goes", async () => {
    const id = await stocked([5]);
    const task = await makeTask(db, [{ listing_id: id, quantity: 5 }]);
    await pick(await pendingItem(task, id), 3);
    const wish = { order_id: task.order_id, reason: "by phone", items: [{ listing_id: id, quantity: 4 }] };
    await cancelOrder(db, freshCall(), wish);
    expect(await states(task)).toEqual([[1, 1, "picked"]]);
  });

  it("stays short while units of it are open", async () => {
    const id = await stocked([5]);
    const task = await makeTask(db, [{ listing_id: id, quantity: 5 }]);
    await pick(await pendingItem(task, id), 2);
    await cancel(task.order_id, { listing_id: id, quantity: 2 });
    expect(await states(task)).toEqual([[3, 2, "short"]]);
    await cancel(task.order_id, { listing_id: id, quantity: 1 });
    expect(await states(task)).toEqual([[2, 2, "picked"]]);
    await cancel(task.order_id, { listing_id: id, quantity: 9 });
    expect(await progressOf(task.order_id)).toEqual(GONE);
  });

  it("is picked when it was skipped and its rest is cancelled", async () => {
    const id = await stocked([3]);
    const task = await makeTask(db, [{ listing_id: id, quantity: 3 }]);
    const item = await pendingItem(task, id);
    await pick(item, 2);
    await skip(item);
    await cancel(task.order_id, { listing_id: id, quantity: 1 });
    expect(await states(task)).toEqual([[2, 2, "picked"]]);
    await complete(task);
    expect(await progressOf(task.order_id)).toEqual({
      order: "processing",
      parts: ["picked"],
      packing: [2],
    });
  });

  it("is picked when it was skipped, and more than its rest is cancelled", async () => {
    const id = await stocked([3]);
    const task = await makeTask(db, [{ listing_id: id, quantity: 3 }]);
    const item = await pendingItem(task, id);
    await pick(item, 2);
    await skip(item);
    await cancel(task.order_id, { listing_id: id, quantity: 2 });
    expect(await states(task)).toEqual([[1, 1, "picked"]]);
  });

  it("keeps what it gave up to itself", async () => {
    const id = await stocked([3, 2]);
    const task = await makeTask(db, [{ listing_id: id, quantity: 3 }]);
    await short(await pendingItem(task, id), 1);
    await pick(await pendingItem(task, id), 1);
    await cancel(task.order_id, { listing_id: id, quantity: 2 });
    // The line's units go, the open ones first; those that were given up were given up.
    expect(await states(task)).toEqual([
      [3, 1, "short"],
      [0, 0, "skipped"],
    ]);
    await complete(task);
    expect((await progressOf(task.order_id)).packing).toEqual([1]);
  });
});

describe("cancellations of one batch", () => {
  const because = (reason: string, order_id: bigint, unit: TestItem): OrderEvent => {
    const eventId = randomUUID();
    return { kind: "cancelled", eventId, entryId: eventId, order_id, reason, items: [unit] };
  };

  /** What is on record as the reason of whatever was cancelled of an order. */
  async function reasonsOf(order_id: bigint): Promise<string[]> {
    const { rows } = await sql<{ said: string }>`
      select reason as said from inventory_movements where order_id = ${order_id} and from_place = 'packing'
      union all select item.notes from picking_task_items item join picking_tasks task on task.id = item.task_id
        where task.order_id = ${order_id} and item.notes is not null
      union all select cancellation_reason from picking_tasks where order_id = ${order_id} and cancellation_reason is not null
      union all select cancellation_reason from orders where order_id = ${order_id} and cancellation_reason is not null
      union all select reason from order_cancellations where order_id = ${order_id}
      union all select payload ->> 'reason' from outbox
        where payload ->> 'order_id' = ${String(order_id)} and payload ->> 'reason' <> ''`.execute(db);
    return rows.map(({ said }) => said);
  }

  it("of some units keep each its own customer's words", async () => {
    const id = await stocked([20]);
    const tasks = [
      await makeTask(db, [{ listing_id: id, quantity: 3 }]),
      await makeTask(db, [{ listing_id: id, quantity: 3 }]),
      await makeTask(db, [{ listing_id: id, quantity: 3 }]),
    ] as const;
    for (const task of tasks) await pick(await pendingItem(task, id), 2);
    const words = ["too late", "too dear", "too late"] as const;
    const quantities = [2, 3, 3] as const;
    const batch = tasks.map((task, index) =>
      because(words[index] as string, task.order_id, {
        listing_id: id,
        quantity: quantities[index] as number,
      }),
    );
    await takeOrderEvents(db, batch);
    for (const [index, task] of tasks.entries()) {
      const said = await reasonsOf(task.order_id);
      expect(said.length).toBeGreaterThan(2);
      expect(said.filter((text) => !text.includes(words[index] as string))).toEqual([]);
    }
  });

  it("keep the words of each, also of one order", async () => {
    const [a, b] = [await stocked([5]), await stocked([5])];
    const task = await makeTask(db, [
      { listing_id: a, quantity: 2 },
      { listing_id: b, quantity: 2 },
    ]);
    await takeOrderEvents(db, [
      because("too dear", task.order_id, { listing_id: b, quantity: 1 }),
      because("too late", task.order_id, { listing_id: a, quantity: 1 }),
    ]);
    const notes = (await items(task)).map(({ listing_id, notes: note }) => [listing_id, note]);
    expect(notes).toEqual([
      [a, "cancelled by the customer: 1 (too late)"],
      [b, "cancelled by the customer: 1 (too dear)"],
    ]);
  });

  it("of one order never wait for each other in a circle, whatever their lines", async () => {
    const [a, b] = [await stocked([400]), await stocked([400])];
    const lines = [
      { listing_id: a, quantity: 2 },
      { listing_id: b, quantity: 2 },
    ];
    const tasks: PickingTaskView[] = [];
    for (let index = 0; index < 12; index++) tasks.push(await makeTask(db, lines, "pending"));
    const outcomes = await Promise.allSettled(
      tasks.map(({ order_id }, index) => {
        const [first, second] = index % 2 === 0 ? [a, b] : [b, a];
        return takeOrderEvents(db, [
          because("one", order_id, { listing_id: first as bigint, quantity: 1 }),
          because("two", order_id, { listing_id: second as bigint, quantity: 1 }),
        ]);
      }),
    );
    expect(outcomes.filter(({ status }) => status === "rejected")).toEqual([]);
  });
});

describe("a cancellation of units", () => {
  it("of several lines at once takes from each what it can", async () => {
    const [a, b] = [await stocked([3]), await stocked([1, 4])];
    const task = await makeTask(db, [
      { listing_id: a, quantity: 3 },
      { listing_id: b, quantity: 5 },
    ]);
    await pick(await pendingItem(task, a), 2);
    await cancel(task.order_id, { listing_id: a, quantity: 2 }, { listing_id: b, quantity: 4 });
    const view = await findOrderView(db, task.order_id);
    expect(view?.items.map((line) => [line.cancelled_quantity, line.allocated_quantity])).toEqual([
      [2, 1],
      [4, 1],
    ]);
  });

  it("of an order in two houses ends the one that nothing is left of", async () => {
    const [a, b] = [await stocked([2]), await stocked([2], far)];
    const task = await makeTask(db, [
      { listing_id: a, quantity: 2 },
      { listing_id: b, quantity: 2 },
    ]);
    await cancel(task.order_id, { listing_id: a, quantity: 2 });
    expect((await progressOf(task.order_id)).parts).toEqual(["cancelled", "picking"]);
    await cancel(task.order_id, { listing_id: b, quantity: 9 });
    expect(await progressOf(task.order_id)).toEqual({ ...GONE, parts: ["cancelled", "cancelled"] });
  });

  it("lets an order that goes whole or not at all go, when what it was held for is not wanted any more", async () => {
    const [a, b] = [await stocked([2]), await stocked([2], far)];
    const lines = [
      { listing_id: a, quantity: 2 },
      { listing_id: b, quantity: 2 },
    ];
    const task = await makeTask(db, lines, "in_progress", "reject");
    await pick(await pendingItem(task, b), 2);
    await complete(task);
    expect((await progressOf(task.order_id)).packing).toEqual([]);
    await cancel(task.order_id, { listing_id: a, quantity: 2 });
    expect(await progressOf(task.order_id)).toEqual({
      order: "processing",
      parts: ["cancelled", "picked"],
      packing: [2],
    });
  });

  it("of a whole task lets the goods go that were held for it", async () => {
    const [a, b] = [await stocked([2]), await stocked([2], far)];
    const lines = [
      { listing_id: a, quantity: 2 },
      { listing_id: b, quantity: 2 },
    ];
    const task = await makeTask(db, lines, "in_progress", "reject");
    await pick(await pendingItem(task, b), 2);
    await complete(task);
    const { rows } = await sql<{ id: bigint }>`
      select id from picking_tasks where order_id = ${task.order_id} and id <> ${task.id}`.execute(db);
    const other = rows[0] as { id: bigint };
    await cancelPickingTask(db, freshCall(), { task_id: other.id, reason: "no time" });
    expect((await progressOf(task.order_id)).packing).toEqual([2]);
  });

  it("leaves alone what is with the carrier, whether the book has it picked or not", async () => {
    const a = await stocked([4]);
    for (const picked of [0, 1, 4]) {
      const task = await makeTask(db, [{ listing_id: a, quantity: 4 }]);
      if (picked > 0) await pick(await pendingItem(task, a), picked);
      const { order_id } = task;
      const early = await createShipment(db, freshCall(), { order_id, service: "", packages: [], items: [] });
      await handOverByHand(db, early.id);
      const before = await progressOf(order_id);
      await cancel(order_id, { listing_id: a, quantity: 2 });
      await cancel(order_id, { listing_id: a, quantity: 2 });
      expect(await progressOf(order_id)).toEqual(before);
      expect((await findOrderView(db, order_id))?.items[0]?.cancelled_quantity).toBe(0);
      await place(db, near, a, 4, { bin: 9 });
    }
  });
});
