import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Database } from "../../src/db/database.ts";
import { takeOrderEvents } from "../../src/use-cases/orders/take-order-events.ts";
import { cancelPickingTask } from "../../src/use-cases/picking/cancel-picking-task.ts";
import { createShipment } from "../../src/use-cases/shipping/create-shipment.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import {
  handOverByHand,
  packingTasksOf,
  pickingTasksOf,
  pickWhole,
  statusOf,
} from "../support/early-shipments.ts";
import { eventsOf } from "../support/parcels.ts";
import {
  cancelled,
  confirmed,
  freshCall,
  makeListings,
  makeWarehouses,
  place,
  type TestWarehouse,
} from "../support/world.ts";

let test: TestDatabase;
let db: Database;
let nextOrder = 1n;

beforeAll(async () => {
  test = await testDatabase();
  db = test.db;
  const [near, far] = (await makeWarehouses(db, 2)) as [TestWarehouse, TestWarehouse];
  await makeListings(db, [601n, 602n]);
  await place(db, near, 601n, 100);
  await place(db, far, 602n, 100);
});
afterAll(() => test.close());

/** An order that goes whole or not at all, of two houses: one of them is done, and holds its goods for the other. */
async function halfPicked() {
  const order_id = nextOrder++;
  const items = [601n, 602n].map((listing_id) => ({ listing_id, quantity: 2 }));
  await takeOrderEvents(db, [confirmed(order_id, items, "reject")]);
  const [here, there] = (await pickingTasksOf(db, order_id)) as [bigint, bigint];
  await pickWhole(db, here);
  expect(await packingTasksOf(db, order_id)).toEqual([]);
  return { order_id, here, there };
}

describe("goods that are held until their order is whole", () => {
  it("go to the packers when the task that they waited for is cancelled", async () => {
    const { order_id, there } = await halfPicked();
    await cancelPickingTask(db, freshCall(), { task_id: there, reason: "the house is closed" });
    expect(await packingTasksOf(db, order_id)).toHaveLength(1);
    expect((await eventsOf(db, order_id)).filter((type) => type === "packing.created")).toHaveLength(1);
    expect(await statusOf(db, order_id)).toMatchObject({ fulfillments: ["picked", "cancelled"] });
  });

  it("go on when their parcel is under way and the rest of the order is cancelled", async () => {
    const { order_id, here } = await halfPicked();
    const { rows } = await sql<{ fulfillment_id: bigint }>`
      select fulfillment_id from picking_tasks where id = ${here}`.execute(db);
    const fulfillment_id = rows[0]?.fulfillment_id as bigint;
    const { id } = await createShipment(db, freshCall(), {
      service: "",
      packages: [],
      items: [],
      fulfillment_id,
    });
    await handOverByHand(db, id);
    await takeOrderEvents(db, [cancelled(order_id)]);
    expect(await packingTasksOf(db, order_id)).toHaveLength(1);
    expect(await statusOf(db, order_id)).toMatchObject({ fulfillments: ["picked", "cancelled"] });
  });
});
