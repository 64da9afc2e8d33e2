import { sql } from "kysely";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Database } from "../../src/db/database.ts";
import { findOrderView } from "../../src/db/order-views.ts";
import { listOverlooked } from "../../src/db/orders.ts";
import { reserveInventory } from "../../src/use-cases/inventory/reserve-inventory.ts";
import { allocateBackorders } from "../../src/use-cases/orders/allocate-backorders.ts";
import { takeOrderEvents } from "../../src/use-cases/orders/take-order-events.ts";
import { createPickingTask } from "../../src/use-cases/picking/create-picking-task.ts";
import { pickItem } from "../../src/use-cases/picking/pick-item.ts";
import { PickLane } from "../../src/use-cases/picking/pick-lane.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { brokenLaws, makeTask, pickOf } from "../support/picking.ts";
import {
  confirmed,
  freshCall,
  makeListings,
  makeWarehouses,
  place,
  type TestWarehouse,
} from "../support/world.ts";

let test: TestDatabase;
let db: Database;
let lane: PickLane;
let house: TestWarehouse;
let far: TestWarehouse;
let nextId = 100n;

beforeAll(async () => {
  test = await testDatabase();
  db = test.db;
  lane = new PickLane(db);
  [house, far] = (await makeWarehouses(db, 2, 5)) as [TestWarehouse, TestWarehouse];
});
afterEach(async () => expect(await brokenLaws(db)).toEqual({}));
afterAll(() => test.close());

async function listing(): Promise<bigint> {
  const id = nextId++;
  await makeListings(db, [id]);
  return id;
}

const hold = (order_id: bigint, listing_id: bigint, quantity: number) =>
  reserveInventory(db, freshCall(), {
    listing_id,
    warehouse_id: house.id,
    quantity,
    order_id,
    expires_at: null,
  });

async function shortages(...order_ids: bigint[]): Promise<number[]> {
  const views = await Promise.all(order_ids.map((id) => findOrderView(db, id)));
  return views.map((view) => view?.items.reduce((sum, item) => sum + item.shortage_quantity, 0) ?? -1);
}

/** Does the waking jobs, as the job runner would; forgets those that were there before. */
async function runWakes(): Promise<number> {
  const { rows } = await sql<{ payload: { listing_ids: string[] } }>`
    with asked as (select id, payload from graphile_worker._private_jobs where task_id = (
      select id from graphile_worker._private_tasks where identifier = 'allocate_backorders')),
    done as (select graphile_worker.complete_jobs(array_agg(id)) from asked)
    select payload from asked cross join (select count(*) from done) as gone`.execute(db);
  let units = 0;
  for (const { payload } of rows) units += await allocateBackorders(db, payload.listing_ids.map(BigInt));
  return units;
}

describe("an order that held its stock", () => {
  it.each(["backorder", "partial", "reject"] as const)(
    "and goes by %s gets it before those who wait longer",
    async (policy) => {
      const id = await listing();
      await place(db, house, id, 5);
      const [older, holder] = [nextId++, nextId++];
      await hold(holder, id, 5);
      await takeOrderEvents(db, [confirmed(older, [{ listing_id: id, quantity: 5 }])]);
      await takeOrderEvents(db, [confirmed(holder, [{ listing_id: id, quantity: 5 }], policy)]);
      expect(await shortages(older, holder)).toEqual([5, 0]);
      expect((await findOrderView(db, holder))?.status).not.toBe("cancelled");
    },
  );

  it("leaves what it does not want of it to those who wait, not to the next in its batch", async () => {
    const id = await listing();
    await place(db, house, id, 5);
    const [older, holder, newcomer] = [nextId++, nextId++, nextId++];
    await hold(holder, id, 5);
    await takeOrderEvents(db, [confirmed(older, [{ listing_id: id, quantity: 3 }])]);
    await takeOrderEvents(db, [
      confirmed(holder, [{ listing_id: id, quantity: 2 }]),
      confirmed(newcomer, [{ listing_id: id, quantity: 3 }]),
    ]);
    expect(await shortages(older, holder, newcomer)).toEqual([3, 0, 3]);
    await runWakes();
    expect(await shortages(older, holder, newcomer)).toEqual([0, 0, 3]);
  });

  it("gets it for a picking task made by hand, too", async () => {
    const id = await listing();
    await place(db, house, id, 5);
    const [older, holder] = [nextId++, nextId++];
    await hold(holder, id, 5);
    await takeOrderEvents(db, [confirmed(older, [{ listing_id: id, quantity: 5 }])]);
    await createPickingTask(db, freshCall(), {
      order_id: holder,
      warehouse_id: house.id,
      priority: "normal",
      items: [{ listing_id: id, quantity: 4 }],
    });
    expect(await shortages(older, holder)).toEqual([5, 0]);
    await runWakes();
    expect(await shortages(older, holder)).toEqual([4, 0]);
  });
});

describe("what a picker does not find", () => {
  it("comes from another house, if there it is", async () => {
    const id = await listing();
    await place(db, house, id, 3);
    await place(db, far, id, 3);
    const task = await makeTask(db, [{ listing_id: id, quantity: 3 }]);
    const [item] = task.items;
    await pickItem(db, lane, pickOf(item as NonNullable<typeof item>, 0, { short_reason: "not there" }));
    expect(await shortages(task.order_id)).toEqual([3]);
    await runWakes();
    const order = await findOrderView(db, task.order_id);
    expect(order?.items[0]).toMatchObject({ allocated_quantity: 3, shortage_quantity: 0 });
    expect(order?.fulfillments.map((part) => part.warehouse_id)).toContain(far.id);
  });
});

describe("an order that waits beside stock that it could have", () => {
  it("is found, wherever the stock came from; one that waits for another house's is not", async () => {
    const unknown = nextId++;
    const [anywhere, pinned] = [nextId++, nextId++];
    const other = await listing();
    await takeOrderEvents(db, [
      confirmed(pinned, [{ listing_id: other, quantity: 1, warehouse_id: far.id }]),
    ]);
    await place(db, house, other, 1);
    await runWakes();
    await takeOrderEvents(db, [confirmed(anywhere, [{ listing_id: unknown, quantity: 2 }])]);
    await makeListings(db, [unknown]);
    await place(db, house, unknown, 2);
    await sql`select graphile_worker.complete_jobs(array_agg(id)) from graphile_worker._private_jobs`.execute(
      db,
    );
    const found = await listOverlooked(db);
    expect(found).toEqual([unknown]);
    await allocateBackorders(db, found);
    expect(await shortages(anywhere, pinned)).toEqual([0, 1]);
    expect(await listOverlooked(db)).toEqual([]);
  });
});
