import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Database } from "../../src/db/database.ts";
import { findOrderView } from "../../src/db/order-views.ts";
import { reserveInventory } from "../../src/use-cases/inventory/reserve-inventory.ts";
import { cancelOrder } from "../../src/use-cases/orders/cancel-order.ts";
import { takeOrderEvents } from "../../src/use-cases/orders/take-order-events.ts";
import { cancelPickingTask } from "../../src/use-cases/picking/cancel-picking-task.ts";
import { createPickingTask } from "../../src/use-cases/picking/create-picking-task.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { brokenLaws, eventsOf, refusal } from "../support/picking.ts";
import {
  cancelled,
  confirmed,
  freshCall,
  makeListings,
  makeWarehouses,
  place,
  stockOf,
  type TestWarehouse,
} from "../support/world.ts";

let test: TestDatabase;
let db: Database;
let near: TestWarehouse;
let far: TestWarehouse;
let nextListing = 100n;
let nextOrder = 1n;

beforeAll(async () => {
  test = await testDatabase();
  db = test.db;
  [near, far] = (await makeWarehouses(db, 2, 20)) as [TestWarehouse, TestWarehouse];
});
afterEach(async () => expect(await brokenLaws(db)).toEqual({}));
afterAll(() => test.close());

async function listing(): Promise<bigint> {
  const id = nextListing++;
  await makeListings(db, [id]);
  return id;
}

function create(order_id: bigint, items: readonly [bigint, number][], house = near, call = freshCall()) {
  return createPickingTask(db, call, {
    order_id,
    warehouse_id: house.id,
    priority: "high",
    items: items.map(([listing_id, quantity]) => ({ listing_id, quantity })),
  });
}

describe("createPickingTask", () => {
  it("makes an unknown order, its reservations and a task in walking order", async () => {
    const [a, b] = [await listing(), await listing()];
    await place(db, near, a, 3, { age: 9, bin: 7 });
    await place(db, near, a, 9, { age: 1, bin: 2 });
    await place(db, near, b, 1, { bin: 4 });
    const order_id = nextOrder++;
    const task = await create(order_id, [
      [a, 5],
      [b, 1],
    ]);
    expect(task).toMatchObject({
      order_id,
      warehouse_id: near.id,
      status: "pending",
      priority: "high",
      total_items: 3,
    });
    expect(task.items.map((item) => [item.listing_id, item.quantity_required, item.sequence])).toEqual([
      [a, 2, 1],
      [b, 1, 2],
      [a, 3, 3],
    ]);
    expect((await findOrderView(db, order_id))?.status).toBe("processing");
    expect(await eventsOf(db, order_id)).toEqual(
      expect.arrayContaining(["picking.created", "inventory.reserved"]),
    );
  });

  it("is all or nothing, by the sum of a listing's lines, and from one warehouse only", async () => {
    const [a, b] = [await listing(), await listing()];
    await place(db, near, a, 5);
    await place(db, far, a, 50);
    await place(db, near, b, 5);
    const order_id = nextOrder++;
    const { reason, metadata } = await refusal(
      create(order_id, [
        [b, 1],
        [a, 3],
        [a, 3],
      ]),
    );
    expect(reason).toBe("INSUFFICIENT_STOCK");
    expect(metadata).toMatchObject({ listing_id: String(a), requested: "6", available: "5" });
    expect(await findOrderView(db, order_id)).toBeUndefined();
    expect([await stockOf(db, a), await stockOf(db, b)]).toEqual([
      { quantity: 55, reserved: 0 },
      { quantity: 5, reserved: 0 },
    ]);
  });

  it("exchanges what ReserveInventory holds for the order", async () => {
    const a = await listing();
    await place(db, near, a, 4);
    const order_id = nextOrder++;
    await reserveInventory(db, freshCall(), {
      order_id,
      listing_id: a,
      warehouse_id: near.id,
      quantity: 4,
      expires_at: new Date(Date.now() + 3_600_000),
    });
    expect((await refusal(create(nextOrder++, [[a, 1]]))).reason).toBe("INSUFFICIENT_STOCK");
    expect((await create(order_id, [[a, 4]])).items).toHaveLength(1);
    expect(await stockOf(db, a)).toEqual({ quantity: 4, reserved: 4 });
  });

  it("refuses a second task in the warehouse, and makes one in another", async () => {
    const a = await listing();
    await place(db, near, a, 5);
    await place(db, far, a, 5);
    const order_id = nextOrder++;
    const task = await create(order_id, [[a, 2]]);
    const { reason, metadata } = await refusal(create(order_id, [[a, 2]]));
    expect([reason, metadata["task_id"]]).toEqual(["PICKING_TASK_EXISTS", String(task.id)]);
    expect((await create(order_id, [[a, 3]], far)).warehouse_id).toBe(far.id);
    expect((await refusal(create(order_id, [[a, 9]], far))).reason).toBe("PICKING_TASK_EXISTS");
    const order = await findOrderView(db, order_id);
    expect(order?.items.map((line) => [line.quantity, line.allocated_quantity])).toEqual([
      [2, 2],
      [3, 3],
    ]);
    expect(order?.fulfillments).toHaveLength(2);
  });

  it("serves what a known order waits for before it adds to it", async () => {
    const [a, b] = [await listing(), await listing()];
    await place(db, near, a, 1);
    const order_id = nextOrder++;
    await takeOrderEvents(db, [confirmed(order_id, [{ listing_id: a, quantity: 4 }])]);
    await place(db, far, a, 3);
    await place(db, far, b, 1);
    await create(
      order_id,
      [
        [a, 3],
        [b, 1],
      ],
      far,
    );
    const order = await findOrderView(db, order_id);
    expect(order?.items.map((line) => [line.listing_id, line.quantity, line.allocated_quantity])).toEqual([
      [a, 4, 4],
      [b, 1, 1],
    ]);
    expect(order?.fulfillments.map((part) => part.status)).toEqual(["planning", "planning"]);
  });

  it("tells when the order may not start yet, and keeps nothing", async () => {
    const [a, b] = [await listing(), await listing()];
    const order_id = nextOrder++;
    await takeOrderEvents(db, [confirmed(order_id, [{ listing_id: a, quantity: 4 }])]);
    await place(db, near, b, 5);
    const { reason, message } = await refusal(create(order_id, [[b, 1]]));
    expect([reason, message.includes("whole")]).toEqual(["INSUFFICIENT_STOCK", true]);
    expect(await stockOf(db, b)).toEqual({ quantity: 5, reserved: 0 });
  });

  it("refuses cancelled orders, known or only known as cancelled", async () => {
    const a = await listing();
    await place(db, near, a, 5);
    const gone = nextOrder++;
    await create(gone, [[a, 1]]);
    await cancelOrder(db, freshCall(), { order_id: gone, reason: "customer", items: [] });
    const early = nextOrder++;
    await takeOrderEvents(db, [cancelled(early)]);
    for (const order_id of [gone, early]) {
      const { reason, metadata } = await refusal(create(order_id, [[a, 1]]));
      expect([reason, metadata["from"]]).toEqual(["ILLEGAL_TRANSITION", "cancelled"]);
    }
    const task = await create(nextOrder++, [[a, 1]]);
    await cancelPickingTask(db, freshCall(), { task_id: task.id, reason: "test" });
    expect((await refusal(create(task.order_id, [[a, 1]]))).reason).toBe("ILLEGAL_TRANSITION");
  });

  it("names an unknown warehouse or listing", async () => {
    const a = await listing();
    const nowhere = { id: 999n, bins: [] };
    expect((await refusal(create(nextOrder++, [[a, 1]], nowhere))).reason).toBe("WAREHOUSE_NOT_FOUND");
    expect((await refusal(create(nextOrder++, [[999_999n, 1]]))).reason).toBe("LISTING_NOT_FOUND");
  });

  it("called twenty times at once for one order makes one task; replayed, it answers the same", async () => {
    const a = await listing();
    await place(db, near, a, 50);
    const order_id = nextOrder++;
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => create(order_id, [[a, 2]])));
    expect(outcomes.filter((outcome) => outcome.status === "fulfilled")).toHaveLength(1);
    const reasons = outcomes.flatMap((outcome) =>
      outcome.status === "rejected" ? outcome.reason.reason : [],
    );
    expect(new Set(reasons)).toEqual(new Set(["PICKING_TASK_EXISTS"]));
    const call = freshCall();
    const other = nextOrder++;
    expect(await create(other, [[a, 2]], near, call)).toEqual(await create(other, [[a, 2]], near, call));
    expect(await stockOf(db, a)).toEqual({ quantity: 50, reserved: 4 });
  });
});
