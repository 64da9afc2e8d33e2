import { sql } from "kysely";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { LabelRequest } from "../../src/carriers/carrier.ts";
import type { Database } from "../../src/db/database.ts";
import { pickingTaskView } from "../../src/db/picking-views.ts";
import { shipmentView } from "../../src/db/shipment-views.ts";
import { verify } from "../../src/use-cases/maintenance/verify.ts";
import { takeOrderEvents } from "../../src/use-cases/orders/take-order-events.ts";
import { shipPackingTask } from "../../src/use-cases/packing/ship-packing-task.ts";
import { completePickingTask } from "../../src/use-cases/picking/complete-picking-task.ts";
import { reportShortPick } from "../../src/use-cases/picking/report-short-pick.ts";
import { skipPickingItem } from "../../src/use-cases/picking/skip-picking-item.ts";
import { buyLabel } from "../../src/use-cases/shipping/buy-label.ts";
import { createShipment } from "../../src/use-cases/shipping/create-shipment.ts";
import { updateShipmentStatus } from "../../src/use-cases/shipping/update-shipment-status.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import {
  handOverByHand,
  packingTasksOf,
  pickFound,
  pickingTasksOf,
  pickWhole,
  startPicking,
  statusOf,
} from "../support/early-shipments.ts";
import { BOX, eventsOf, mockCarriers, OPERATOR, packWhole } from "../support/parcels.ts";
import {
  cancelled,
  confirmed,
  freshCall,
  makeListings,
  makeWarehouses,
  place,
  serveBackorders,
  type TestWarehouse,
} from "../support/world.ts";

let test: TestDatabase;
let db: Database;
let warehouse: TestWarehouse;
let nextOrder = 1n;
let nextListing = 601n;

const BASE = { service: "", packages: [], items: [] };
const box = { ...BOX, barcode: null };

beforeAll(async () => {
  test = await testDatabase();
  db = test.db;
  [warehouse] = (await makeWarehouses(db)) as [TestWarehouse];
});
afterEach(async () => {
  const red = (await verify(db)).filter((verdict) => verdict.violation_count > 0n);
  expect(Object.fromEntries(red.map(({ name, violations }) => [name, violations]))).toEqual({});
});
afterAll(() => test.close());

/** An order of 3 units each of new listings, of which no more lie on the shelves, and which somebody is picking. */
async function picking(count = 1) {
  const listings = Array.from({ length: count }, () => nextListing++);
  await makeListings(db, listings);
  for (const id of listings) await place(db, warehouse, id, 3);
  const order_id = nextOrder++;
  const items = listings.map((listing_id) => ({ listing_id, quantity: 3 }));
  await takeOrderEvents(db, [confirmed(order_id, items)]);
  const [task_id] = (await pickingTasksOf(db, order_id)) as [bigint];
  await startPicking(db, task_id);
  return { order_id, task_id, listings, listing_id: listings[0] as bigint };
}

const complete = (task_id: bigint) => completePickingTask(db, freshCall(), { task_id, actor: OPERATOR });

/** A shipment ordered while its goods are picked: in boxes of its own, so that its label is bought at once. */
async function labelledEarly(order_id: bigint, wanted: [listing_id: bigint, quantity: number][] = []) {
  const items = wanted.map(([listing_id, quantity]) => ({ field: "items", listing_id, quantity }));
  const { id } = await createShipment(db, freshCall(), { ...BASE, order_id, packages: [box], items });
  await buyLabel(db, mockCarriers(), { shipment_id: id });
  return id;
}

async function packFirst(order_id: bigint) {
  return packWhole(db, (await packingTasksOf(db, order_id)).at(-1) as bigint);
}

async function contentsOf(shipment_id: bigint): Promise<[bigint, number][]> {
  const { items } = await shipmentView(db, shipment_id);
  return items.map(({ listing_id, quantity }) => [listing_id, quantity]);
}

async function voidsOf(shipment_id: bigint) {
  const { rows } = await sql`
    select key from graphile_worker.jobs where key = ${`void_label:${shipment_id}`}`.execute(db);
  return rows.length;
}

/** The order's waiting rest comes in, is picked, packed, labelled and handed over. */
async function sendRest(order_id: bigint, listing_id: bigint): Promise<bigint> {
  await place(db, warehouse, listing_id, 10);
  await serveBackorders(db);
  await pickWhole(db, (await pickingTasksOf(db, order_id)).at(-1) as bigint);
  const { id: task_id, shipment_id } = await packFirst(order_id);
  await buyLabel(db, mockCarriers(), { shipment_id: shipment_id as bigint });
  await shipPackingTask(db, freshCall(), { task_id, actor: OPERATOR });
  return shipment_id as bigint;
}

function deliver(shipment_id: bigint) {
  const stated = { shipment_id, status: "delivered" as const, occurred_at: null, note: "" };
  return updateShipmentStatus(db, freshCall(), stated);
}

describe("a shipment ordered before its goods were picked, of which nothing was found", () => {
  it("ends with its fulfillment, its label is given back, and the order is delivered by what came later", async () => {
    const { order_id, task_id, listing_id } = await picking();
    const early = await labelledEarly(order_id);
    await pickFound(db, task_id, new Map([[listing_id, 0]]));
    await complete(task_id);
    expect(await shipmentView(db, early)).toMatchObject({ status: "cancelled" });
    expect(await voidsOf(early)).toBe(1);
    expect(await eventsOf(db, order_id)).toContain("shipment.cancelled");
    await deliver(await sendRest(order_id, listing_id));
    expect(await statusOf(db, order_id)).toMatchObject({ order: "delivered" });
  });

  it("but is with its carrier, is left to it: nothing is stuck, and the order follows the parcel", async () => {
    const { order_id, task_id, listing_id } = await picking();
    const { id } = await createShipment(db, freshCall(), { ...BASE, order_id });
    await handOverByHand(db, id);
    await pickFound(db, task_id, new Map([[listing_id, 0]]));
    await complete(task_id);
    expect(await statusOf(db, order_id)).toMatchObject({ shipments: ["shipped"] });
    await takeOrderEvents(db, [cancelled(order_id)]); // what waited for the rest; the parcel has gone
    expect(await statusOf(db, order_id)).toEqual({
      order: "shipped",
      fulfillments: ["cancelled", "cancelled"],
      shipments: ["shipped"],
    });
    await deliver(id);
    expect(await statusOf(db, order_id)).toMatchObject({ order: "delivered" });
  });
});

describe("what a shipment holds that was ordered while its goods are picked", () => {
  it("is what was picked and what is still to be, not what was to be and was not there", async () => {
    const { order_id, task_id, listing_id } = await picking();
    await pickFound(db, task_id, new Map([[listing_id, 1]]));
    const early = await createShipment(db, freshCall(), { ...BASE, order_id });
    expect(await contentsOf(early.id)).toEqual([[listing_id, 1]]);
    await complete(task_id);
    await packFirst(order_id);
  });

  it("counts a replacement in the place of what was missing, in the carrier's papers too", async () => {
    const { order_id, task_id, listing_id } = await picking();
    await place(db, warehouse, listing_id, 2, { bin: 2, age: 0 });
    const [item] = (await pickingTaskView(db, task_id)).items;
    const request = { call: freshCall("PickItem"), actor: OPERATOR, task_id, item_id: item?.id as bigint };
    await reportShortPick(db, { ...request, pick: { quantity: 1, short_reason: "not there" } });
    const { id } = await createShipment(db, freshCall(), { ...BASE, order_id, packages: [box] });
    const asked: LabelRequest[] = [];
    const mock = mockCarriers().get("mock");
    if (!mock) throw new Error("no mock carrier");
    const createLabel: typeof mock.createLabel = (request) => {
      asked.push(request);
      return mock.createLabel(request);
    };
    await buyLabel(db, new Map([["mock", { ...mock, createLabel }]]), { shipment_id: id });
    expect(await contentsOf(id)).toEqual([[listing_id, 3]]);
    expect(asked).toMatchObject([{ goods: [{ quantity: 3 }] }]);
    await pickFound(db, task_id);
    await complete(task_id);
    await packFirst(order_id);
    expect(await statusOf(db, order_id)).toMatchObject({ fulfillments: ["ready"] });
  });

  it("leaves out what was skipped", async () => {
    const { order_id, task_id, listings } = await picking(2);
    const { items } = await pickingTaskView(db, task_id);
    const skipped = items.find((item) => item.listing_id === listings[0])?.id as bigint;
    await skipPickingItem(db, freshCall(), { task_id, item_id: skipped, reason: "blocked", actor: OPERATOR });
    const early = await createShipment(db, freshCall(), { ...BASE, order_id });
    expect(await contentsOf(early.id)).toEqual([[listings[1], 3]]);
  });

  it("is cut to what was packed, so that the rest is not sent twice", async () => {
    const { order_id, task_id, listing_id } = await picking();
    const early = await labelledEarly(order_id);
    await pickFound(db, task_id, new Map([[listing_id, 2]]));
    await complete(task_id);
    await packFirst(order_id);
    expect(await contentsOf(early)).toEqual([[listing_id, 2]]);
    expect(await statusOf(db, order_id)).toMatchObject({ fulfillments: expect.arrayContaining(["ready"]) });
    const [packing_task] = (await packingTasksOf(db, order_id)) as [bigint];
    await shipPackingTask(db, freshCall(), { task_id: packing_task, actor: OPERATOR });
    expect(await contentsOf(await sendRest(order_id, listing_id))).toEqual([[listing_id, 1]]);
  });

  it("is cut by what the customer cancelled before it was packed", async () => {
    const { order_id, task_id, listing_id } = await picking();
    const early = await labelledEarly(order_id);
    await pickFound(db, task_id);
    await complete(task_id);
    await takeOrderEvents(db, [cancelled(order_id, [{ listing_id, quantity: 1 }])]);
    await packFirst(order_id);
    expect(await contentsOf(early)).toEqual([[listing_id, 2]]);
  });

  it("shrinks in the last of several shipments first; one that nothing is left in ends", async () => {
    const { order_id, task_id, listing_id } = await picking();
    const shipments = [
      await labelledEarly(order_id, [[listing_id, 1]]),
      await labelledEarly(order_id, [[listing_id, 1]]),
      await labelledEarly(order_id, [[listing_id, 1]]),
    ];
    const [first, second, third] = shipments as [bigint, bigint, bigint];
    await handOverByHand(db, third); // what is with its carrier gives way last
    await pickFound(db, task_id, new Map([[listing_id, 2]]));
    await complete(task_id);
    await packFirst(order_id);
    expect(await contentsOf(first)).toEqual([[listing_id, 1]]);
    expect(await contentsOf(third)).toEqual([[listing_id, 1]]);
    expect(await shipmentView(db, second)).toMatchObject({ status: "cancelled", items: [] });
    expect([await voidsOf(first), await voidsOf(second)]).toEqual([0, 1]);
    expect(await eventsOf(db, order_id)).toContain("shipment.cancelled");
    const [packing_task] = (await packingTasksOf(db, order_id)) as [bigint];
    await shipPackingTask(db, freshCall(), { task_id: packing_task, actor: OPERATOR });
    expect(await statusOf(db, order_id)).toMatchObject({ shipments: ["shipped", "cancelled", "shipped"] });
  });

  it("of a parcel that is with its carrier is corrected too", async () => {
    const { order_id, task_id, listings } = await picking(2);
    const [found, missing] = listings as [bigint, bigint];
    const { id } = await createShipment(db, freshCall(), { ...BASE, order_id });
    await handOverByHand(db, id);
    await pickFound(db, task_id, new Map([[missing, 1]]));
    await complete(task_id);
    await packFirst(order_id);
    expect(await contentsOf(id)).toEqual([
      [found, 3],
      [missing, 1],
    ]);
  });
});
