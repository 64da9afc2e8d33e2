import { sql } from "kysely";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Database } from "../../src/db/database.ts";
import { findOrderView } from "../../src/db/order-views.ts";
import { packingTaskViews } from "../../src/db/packing-views.ts";
import { type PickingTaskView, pickingTaskView } from "../../src/db/picking-views.ts";
import { listPickingTaskIds } from "../../src/db/task-lists.ts";
import { pickingTaskItemMachine, pickingTaskMachine } from "../../src/domain/machines.ts";
import { canTransition } from "../../src/domain/state-machine.ts";
import { assignPickingTask } from "../../src/use-cases/picking/assign-picking-task.ts";
import { cancelPickingTask } from "../../src/use-cases/picking/cancel-picking-task.ts";
import { claimNextPickingTask } from "../../src/use-cases/picking/claim-next-picking-task.ts";
import { completePickingTask } from "../../src/use-cases/picking/complete-picking-task.ts";
import { nextPickingItem } from "../../src/use-cases/picking/next-picking-item.ts";
import { pickItem } from "../../src/use-cases/picking/pick-item.ts";
import { PickLane } from "../../src/use-cases/picking/pick-lane.ts";
import { skipPickingItem } from "../../src/use-cases/picking/skip-picking-item.ts";
import { startPickingTask } from "../../src/use-cases/picking/start-picking-task.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import {
  brokenLaws,
  eventsOf,
  makeTask,
  OPERATOR,
  pickOf,
  refusal,
  WORKER,
  worker,
} from "../support/picking.ts";
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

/** A listing with one lot of so many units. */
async function stocked(quantity: number, bin = 0): Promise<bigint> {
  const id = nextListing++;
  await makeListings(db, [id]);
  await place(db, house, id, quantity, { bin });
  return id;
}

/** A task of one item: three units. */
async function taskOfThree(status: PickingTaskView["status"] = "in_progress") {
  const task = await makeTask(db, [{ listing_id: await stocked(10), quantity: 3 }], status);
  return { task, item: task.items[0] as (typeof task.items)[number] };
}

type Act = (task: PickingTaskView) => Promise<unknown>;
const firstItem = (task: PickingTaskView) => task.items[0] as PickingTaskView["items"][number];

/** Every RPC that moves a task or its items, and the statuses that it accepts. */
const ACTIONS: Record<string, { accepts: readonly string[]; act: Act }> = {
  assign: {
    accepts: pickingTaskMachine.actions["assign"].from,
    act: (task) =>
      assignPickingTask(db, freshCall(), { task_id: task.id, worker_id: WORKER, actor: OPERATOR }),
  },
  start: {
    accepts: pickingTaskMachine.actions["start"].from,
    act: (task) => startPickingTask(db, freshCall(), { task_id: task.id, actor: OPERATOR }),
  },
  complete: {
    accepts: pickingTaskMachine.actions["complete"].from,
    act: (task) => completePickingTask(db, freshCall(), { task_id: task.id, actor: OPERATOR }),
  },
  cancel: {
    accepts: pickingTaskMachine.actions["cancel"].from,
    act: (task) => cancelPickingTask(db, freshCall(), { task_id: task.id, reason: "test" }),
  },
  pick: { accepts: ["in_progress"], act: (task) => pickItem(db, lane, pickOf(firstItem(task), 1)) },
  "report short": {
    accepts: ["in_progress"],
    act: (task) => pickItem(db, lane, pickOf(firstItem(task), 0, { short_reason: "empty" })),
  },
  skip: {
    accepts: ["in_progress"],
    act: (task) =>
      skipPickingItem(db, freshCall(), {
        task_id: task.id,
        item_id: firstItem(task).id,
        reason: "",
        actor: OPERATOR,
      }),
  },
  "get next": {
    accepts: ["in_progress"],
    act: (task) => nextPickingItem(db, { task_id: task.id, actor: OPERATOR }),
  },
};

describe("every action × every status of a picking task", () => {
  const pairs = Object.keys(ACTIONS).flatMap((action) =>
    pickingTaskMachine.statuses.map((status) => [action, status] as const),
  );

  it.each(pairs)("%s a %s task", async (action, status) => {
    const { task } = await taskOfThree(status);
    const { accepts, act } = ACTIONS[action] as { accepts: readonly string[]; act: Act };
    if (action === "complete" && status === "in_progress") await ACTIONS["skip"]?.act(task);
    if (accepts.includes(status)) return void (await act(task));
    const before = await pickingTaskView(db, task.id);
    const { reason, message, metadata } = await refusal(act(task));
    expect([reason, metadata["from"]]).toEqual(["ILLEGAL_TRANSITION", status]);
    expect(message).toContain(status);
    expect(await pickingTaskView(db, task.id)).toEqual(before);
  });
});

describe("every action × every status of a picking item", () => {
  const bring: Record<string, Act> = {
    pending: async () => {},
    short: (task) => pickItem(db, lane, pickOf(firstItem(task), 1)),
    picked: (task) => pickItem(db, lane, pickOf(firstItem(task), 3)),
    skipped: (task) => (ACTIONS["skip"] as { act: Act }).act(task),
  };
  const pairs = (["pick", "skip"] as const).flatMap((action) =>
    pickingTaskItemMachine.statuses.map((status) => [action, status] as const),
  );

  it.each(pairs)("%s a %s item", async (action, status) => {
    const { task } = await taskOfThree();
    await bring[status]?.(task);
    const { act } = ACTIONS[action] as { act: Act };
    if (canTransition(pickingTaskItemMachine, status, action)) return void (await act(task));
    const { reason, message, metadata } = await refusal(act(task));
    expect([reason, metadata["from"]]).toEqual(["ILLEGAL_TRANSITION", status]);
    expect(message).toContain(status);
  });
});

describe("picking", () => {
  it("adds partial picks up, counts the line once, and takes the units off the shelf", async () => {
    const { task, item } = await taskOfThree();
    const partly = await pickItem(db, lane, pickOf(item, 1));
    expect(partly.task.items[0]).toMatchObject({ status: "short", quantity_picked: 1 });
    expect([partly.task.picked_items, partly.next_item_id]).toEqual([1, null]);
    const whole = await pickItem(db, lane, pickOf(item, 2));
    expect(whole.task.items[0]).toMatchObject({ status: "picked", quantity_picked: 3 });
    expect(whole.task.picked_items).toBe(1);
    expect(await stockOf(db, item.listing_id)).toEqual({ quantity: 7, reserved: 0 });
    const { rows } = await sql`select picked_quantity, open_quantity, status from wms_reservations
      where id = ${item.reservation_id}`.execute(db);
    expect(rows).toEqual([{ picked_quantity: 3, open_quantity: 0, status: "fulfilled" }]);
    expect((await eventsOf(db, task.order_id)).filter((type) => type === "picking.item_picked")).toHaveLength(
      2,
    );
  });

  it("answers with what the database then holds", async () => {
    const { item } = await taskOfThree();
    const answer = await pickItem(db, lane, pickOf(item, 2));
    expect(answer.task).toEqual(await pickingTaskView(db, item.task_id));
  });

  it("leads through the items by the route", async () => {
    const far = await stocked(5, 9);
    const near = await stocked(5, 1);
    const task = await makeTask(db, [
      { listing_id: far, quantity: 1 },
      { listing_id: near, quantity: 1 },
    ]);
    const first = await nextPickingItem(db, { task_id: task.id, actor: OPERATOR });
    expect(first.listing_id).toBe(near);
    const { next_item_id } = await pickItem(db, lane, pickOf(first, 1));
    const second = await nextPickingItem(db, { task_id: task.id, actor: OPERATOR });
    expect([second.listing_id, second.id]).toEqual([far, next_item_id]);
    await pickItem(db, lane, pickOf(second, 1));
    const { reason } = await refusal(nextPickingItem(db, { task_id: task.id, actor: OPERATOR }));
    expect(reason).toBe("NO_ITEM_LEFT");
  });

  it("verifies barcodes when they are given", async () => {
    const { item } = await taskOfThree();
    const wrong = await refusal(pickItem(db, lane, pickOf(item, 1, { location_barcode: "LOC-A-9" })));
    expect([wrong.reason, wrong.metadata["kind"]]).toEqual(["WRONG_BARCODE", "location"]);
    const other = await refusal(pickItem(db, lane, pickOf(item, 1, { item_barcode: "EAN-1" })));
    expect([other.reason, other.metadata["scanned"]]).toEqual(["WRONG_BARCODE", "EAN-1"]);
    const scans = { location_barcode: "loc-a-1", item_barcode: `ean-${item.listing_id}` };
    expect((await pickItem(db, lane, pickOf(item, 3, scans))).task.picked_items).toBe(1);
  });

  it("refuses too many units, unknown tasks and items of other tasks", async () => {
    const { item } = await taskOfThree();
    const other = await taskOfThree();
    expect((await refusal(pickItem(db, lane, pickOf(item, 4)))).reason).toBe("QUANTITY_EXCEEDED");
    const lost = { ...item, task_id: 999_999n };
    expect((await refusal(pickItem(db, lane, pickOf(lost, 1)))).reason).toBe("PICKING_TASK_NOT_FOUND");
    expect((await refusal(pickItem(db, lane, pickOf(lost, 0, { short_reason: "x" })))).reason).toBe(
      "PICKING_TASK_NOT_FOUND",
    );
    const stray = { id: item.id, task_id: other.task.id };
    expect((await refusal(pickItem(db, lane, pickOf(stray, 1)))).reason).toBe("PICKING_TASK_ITEM_NOT_FOUND");
  });

  it("keeps a worker off other workers' tasks", async () => {
    const { task, item } = await taskOfThree();
    const { task: assigned } = await taskOfThree("assigned");
    const { task: pending } = await taskOfThree("pending");
    const actor = worker(8n);
    const calls: (() => Promise<unknown>)[] = [
      () => pickItem(db, lane, pickOf(item, 1, {}, actor)),
      () => pickItem(db, lane, pickOf(item, 0, { short_reason: "x" }, actor)),
      () => skipPickingItem(db, freshCall(), { task_id: task.id, item_id: item.id, reason: "", actor }),
      () => nextPickingItem(db, { task_id: task.id, actor }),
      () => completePickingTask(db, freshCall(), { task_id: task.id, actor }),
      () => startPickingTask(db, freshCall(), { task_id: assigned.id, actor }),
      () => assignPickingTask(db, freshCall(), { task_id: pending.id, worker_id: 9n, actor }),
      () => claimNextPickingTask(db, freshCall(), { warehouse_id: house.id, worker_id: 9n, actor }),
    ];
    const reasons = await Promise.all(calls.map(async (call) => (await refusal(call())).reason));
    expect(new Set(reasons)).toEqual(new Set(["NOT_YOUR_TASK"]));
    expect((await pickItem(db, lane, pickOf(item, 3, {}, worker(WORKER)))).task.picked_items).toBe(1);
  });
});

describe("completing a task", () => {
  it("names how many items are pending", async () => {
    const { task } = await taskOfThree();
    const { reason, metadata } = await refusal((ACTIONS["complete"] as { act: Act }).act(task));
    expect([reason, metadata["pending"]]).toEqual(["ITEMS_PENDING", "1"]);
  });

  it("makes the packing task, an item an order line that was picked", async () => {
    const [a, b] = [await stocked(5), await stocked(5)];
    const task = await makeTask(db, [
      { listing_id: a, quantity: 2 },
      { listing_id: b, quantity: 1 },
      { listing_id: a, quantity: 1 },
    ]);
    for (const item of task.items) await pickItem(db, lane, pickOf(item, item.quantity_required));
    const done = await completePickingTask(db, freshCall(), { task_id: task.id, actor: OPERATOR });
    expect([done.status, done.picked_items]).toEqual(["completed", 3]);
    const order = await findOrderView(db, task.order_id);
    expect(order?.fulfillments.map((part) => part.status)).toEqual(["picked"]);
    const [packing] = await packingTaskViews(db, order?.fulfillments[0]?.packing_task_ids ?? []);
    expect(packing?.items.map((item) => item.quantity).sort()).toEqual([1, 1, 2]);
    const types = await eventsOf(db, task.order_id);
    expect(types.filter((type) => /completed|packing/.test(type))).toEqual([
      "picking.completed",
      "packing.created",
    ]);
  });

  it("gives up what was skipped or left of a partial pick: for sale again, waited for, asked for", async () => {
    const [a, b] = [await stocked(5), await stocked(5)];
    const task = await makeTask(db, [
      { listing_id: a, quantity: 3 },
      { listing_id: b, quantity: 2 },
    ]);
    const of = (listing: bigint) =>
      task.items.find((item) => item.listing_id === listing) as PickingTaskView["items"][number];
    await pickItem(db, lane, pickOf(of(a), 1));
    await skipPickingItem(db, freshCall(), {
      task_id: task.id,
      item_id: of(b).id,
      reason: "blocked",
      actor: OPERATOR,
    });
    expect(await stockOf(db, b)).toEqual({ quantity: 5, reserved: 2 });
    await completePickingTask(db, freshCall(), { task_id: task.id, actor: OPERATOR });
    expect(await stockOf(db, a)).toEqual({ quantity: 4, reserved: 0 });
    expect(await stockOf(db, b)).toEqual({ quantity: 5, reserved: 0 });
    const order = await findOrderView(db, task.order_id);
    expect(order?.items.map((line) => line.shortage_quantity)).toEqual([2, 2]);
    expect(order?.fulfillments.map((part) => part.status).sort()).toEqual(["backordered", "picked"]);
    const { rows } = await sql<{ asked: boolean }>`select exists (
      select from graphile_worker.jobs where task_identifier = 'allocate_backorders') as asked`.execute(db);
    expect(rows[0]?.asked).toBe(true);
  });

  it("ends the fulfillment when nothing was picked", async () => {
    const { task } = await taskOfThree("completed");
    const order = await findOrderView(db, task.order_id);
    expect(order?.fulfillments.map((part) => part.status).sort()).toEqual(["backordered", "cancelled"]);
    expect(order?.fulfillments.flatMap((part) => part.packing_task_ids)).toEqual([]);
    expect(order?.status).toBe("processing");
  });
});

describe("cancelling a task", () => {
  it("frees what was reserved and sends picked goods to the put-back place", async () => {
    const { task, item } = await taskOfThree();
    await pickItem(db, lane, pickOf(item, 1));
    const cancelled = await cancelPickingTask(db, freshCall(), { task_id: task.id, reason: "no time" });
    expect([cancelled.status, cancelled.cancellation_reason]).toEqual(["cancelled", "no time"]);
    expect(await stockOf(db, item.listing_id)).toEqual({ quantity: 10, reserved: 0 });
    const { rows } =
      await sql`select quantity from product_locations lot join locations l on l.id = lot.location_id
      where listing_id = ${item.listing_id} and l.kind = 'put_back'`.execute(db);
    expect(rows).toEqual([{ quantity: 1 }]);
    expect((await findOrderView(db, task.order_id))?.status).toBe("cancelled");
  });
});

describe("handing out tasks", () => {
  it("gives the most urgent first, then the oldest, each to one of twenty workers at once", async () => {
    const [other] = (await makeWarehouses(db, 2, 3)).slice(1) as [TestWarehouse];
    const listing_id = nextListing++;
    await makeListings(db, [listing_id]);
    await place(db, other, listing_id, 100);
    const tasks: PickingTaskView[] = [];
    for (let count = 0; count < 12; count++)
      tasks.push(await makeTask(db, [{ listing_id, quantity: 1, warehouse_id: other.id }], "pending"));
    await sql`update picking_tasks set priority = 'urgent' where id = ${tasks[7]?.id ?? 0n}`.execute(db);
    await sql`update picking_tasks set priority = 'low' where id = ${tasks[0]?.id ?? 0n}`.execute(db);
    const claim = (worker_id: bigint) =>
      claimNextPickingTask(db, freshCall(), { warehouse_id: other.id, worker_id, actor: worker(worker_id) });
    expect((await claim(1n)).id).toBe(tasks[7]?.id);
    expect((await claim(2n)).id).toBe(tasks[1]?.id);
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) => claim(BigInt(index + 100))),
    );
    const won = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? outcome.value : []));
    expect(new Set(won.map((task) => task.id)).size).toBe(10);
    expect(new Set(won.map((task) => task.worker_id)).size).toBe(10);
    expect(won.every((task) => task.status === "assigned")).toBe(true);
    const lost = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? outcome.reason.reason : []));
    expect(new Set(lost)).toEqual(new Set(["NO_TASK_WAITING"]));
    const unknown = claimNextPickingTask(db, freshCall(), {
      warehouse_id: 999n,
      worker_id: 1n,
      actor: OPERATOR,
    });
    expect((await refusal(unknown)).reason).toBe("WAREHOUSE_NOT_FOUND");
  });

  it("lists by filter, newest first, page after page", async () => {
    const worker_id = 4_711n;
    const made: bigint[] = [];
    for (let count = 0; count < 5; count++) {
      const { task } = await taskOfThree("pending");
      await assignPickingTask(db, freshCall(), { task_id: task.id, worker_id, actor: worker(worker_id) });
      made.unshift(task.id);
    }
    const filter = { worker_id, statuses: ["assigned", "in_progress"] as const };
    const first = await listPickingTaskIds(db, filter, { size: 3, after: 0n });
    const second = await listPickingTaskIds(db, filter, { size: 3, after: first[2] as bigint });
    expect([...first, ...second]).toEqual(made);
    expect(
      await listPickingTaskIds(db, { ...filter, statuses: ["completed"] }, { size: 3, after: 0n }),
    ).toEqual([]);
    expect(await listPickingTaskIds(db, { ...filter, priority: "urgent" }, { size: 3, after: 0n })).toEqual(
      [],
    );
  });
});
