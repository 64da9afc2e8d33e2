import { sql } from "kysely";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Database } from "../../src/db/database.ts";
import { verify } from "../../src/use-cases/maintenance/verify.ts";
import { cancelOrder } from "../../src/use-cases/orders/cancel-order.ts";
import { takeOrderEvents } from "../../src/use-cases/orders/take-order-events.ts";
import { cancelPackingTask } from "../../src/use-cases/packing/cancel-packing-task.ts";
import { cancelPickingTask } from "../../src/use-cases/picking/cancel-picking-task.ts";
import { cancelShipment } from "../../src/use-cases/shipping/cancel-shipment.ts";
import { createShipment } from "../../src/use-cases/shipping/create-shipment.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import {
  handOverByHand,
  packingTasksOf,
  pickingTasksOf,
  pickWhole,
  statusOf,
} from "../support/early-shipments.ts";
import { BOX, packWhole, pickedOrder, readyParcel } from "../support/parcels.ts";
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
let nextOrder = 1n;

const LISTING = 601n;
const ELSEWHERE = 602n;
const items = [{ listing_id: LISTING, quantity: 2 }];
const BASE = { service: "", packages: [], items: [] };
const box = { ...BOX, barcode: null };

beforeAll(async () => {
  test = await testDatabase();
  db = test.db;
  [near, far] = (await makeWarehouses(db, 2)) as [TestWarehouse, TestWarehouse];
  await makeListings(db, [LISTING, ELSEWHERE]);
  await place(db, near, LISTING, 1_000);
  await place(db, far, ELSEWHERE, 1_000);
});
afterEach(async () => {
  const red = (await verify(db)).filter((verdict) => verdict.violation_count > 0n);
  expect(Object.fromEntries(red.map(({ name, violations }) => [name, violations]))).toEqual({});
});
afterAll(() => test.close());

/** A packed fulfillment in two shipments, of which the first is with its carrier. */
async function partlyShipped() {
  const order_id = nextOrder++;
  const parcel = await readyParcel(db, order_id, items);
  await cancelShipment(db, freshCall(), { shipment_id: parcel.shipment_id, reason: "in two parts" });
  const wanted = [{ field: "items[0]", listing_id: LISTING, quantity: 1 }];
  const part = { ...BASE, order_id, packages: [box], items: wanted };
  const first = await createShipment(db, freshCall(), part);
  const second = await createShipment(db, freshCall(), part);
  await handOverByHand(db, first.id);
  return { ...parcel, first: first.id, second: second.id };
}

/** A shipment that was ordered, and given its number by hand, before anybody picked its goods. */
async function numberedEarly(lines = items) {
  const order_id = nextOrder++;
  await takeOrderEvents(db, [confirmed(order_id, lines)]);
  const { id: shipment_id } = await createShipment(db, freshCall(), { ...BASE, order_id });
  await handOverByHand(db, shipment_id);
  return { order_id, shipment_id, task_id: (await pickingTasksOf(db, order_id))[0] as bigint };
}

describe("a fulfillment that is partly with the carrier", () => {
  it("goes its way when its order's cancellation comes, and the order is not cancelled", async () => {
    const { order_id, second } = await partlyShipped();
    const stock = await stockOf(db, LISTING);
    await takeOrderEvents(db, [cancelled(order_id)]);
    expect(await stockOf(db, LISTING)).toEqual(stock);
    expect(await statusOf(db, order_id)).toEqual({
      order: "ready_for_shipment",
      fulfillments: ["ready"],
      shipments: ["cancelled", "shipped", "ready"],
    });
    await handOverByHand(db, second);
    expect(await statusOf(db, order_id)).toMatchObject({ order: "shipped", fulfillments: ["shipped"] });
  });

  it("is not cancelled by CancelOrder, which says what is in the way", async () => {
    const { order_id, first } = await partlyShipped();
    const cancel = cancelOrder(db, freshCall(), { order_id, reason: "by phone", items: [] });
    await expect(cancel).rejects.toMatchObject({
      reason: "ILLEGAL_TRANSITION",
      message: expect.stringContaining(`shipment ${first} is shipped`),
      metadata: { resource: "order", to: "cancelled", shipment_id: String(first) },
    });
  });

  it("is not put back by CancelPackingTask, also when its other shipment was cancelled", async () => {
    const { order_id, task_id, first, second } = await partlyShipped();
    const stock = await stockOf(db, LISTING);
    const refused = {
      reason: "ILLEGAL_TRANSITION",
      message: expect.stringContaining(`shipment ${first} is shipped`),
      metadata: {
        resource: "fulfillment",
        to: "cancelled",
        shipment_id: String(first),
        shipment_status: "shipped",
      },
    };
    const cancel = () => cancelPackingTask(db, freshCall(), { task_id, reason: "test" });
    await expect(cancel()).rejects.toMatchObject(refused);
    await cancelShipment(db, freshCall(), { shipment_id: second, reason: "test" });
    await expect(cancel()).rejects.toMatchObject(refused);
    expect(await stockOf(db, LISTING)).toEqual(stock);
    const { id } = await createShipment(db, freshCall(), { ...BASE, order_id, packages: [box] });
    await handOverByHand(db, id);
    expect(await statusOf(db, order_id)).toMatchObject({ order: "shipped", fulfillments: ["shipped"] });
  });

  it("keeps nothing else of its order from being cancelled", async () => {
    const order_id = nextOrder++;
    await takeOrderEvents(db, [confirmed(order_id, [...items, { listing_id: ELSEWHERE, quantity: 3 }])]);
    const { rows } = await sql<{ id: bigint }>`
      select id from fulfillments where order_id = ${order_id} and warehouse_id = ${near.id}`.execute(db);
    const fulfillment_id = rows[0]?.id as bigint;
    const { id } = await createShipment(db, freshCall(), { ...BASE, fulfillment_id });
    await handOverByHand(db, id);
    const before = await stockOf(db, ELSEWHERE);
    await cancelOrder(db, freshCall(), { order_id, reason: "by phone", items: [] });
    expect((await stockOf(db, ELSEWHERE)).reserved).toBe(before.reserved - 3);
    expect(await statusOf(db, order_id)).toMatchObject({
      order: "processing",
      fulfillments: expect.arrayContaining(["planning", "cancelled"]),
    });
  });
});

describe("goods that travel before the book has them picked", () => {
  it("stay promised, whoever cancels: their order, or their picking task", async () => {
    const { order_id, task_id, shipment_id } = await numberedEarly();
    const stock = await stockOf(db, LISTING);
    await takeOrderEvents(db, [cancelled(order_id)]);
    await expect(cancelPickingTask(db, freshCall(), { task_id, reason: "test" })).rejects.toMatchObject({
      reason: "ILLEGAL_TRANSITION",
      metadata: { shipment_id: String(shipment_id) },
    });
    expect(await stockOf(db, LISTING)).toEqual(stock);
    await pickWhole(db, task_id);
    await packWhole(db, (await packingTasksOf(db, order_id))[0] as bigint);
    expect(await statusOf(db, order_id)).toEqual({
      order: "shipped",
      fulfillments: ["shipped"],
      shipments: ["shipped"],
    });
    expect((await stockOf(db, LISTING)).quantity).toBe(stock.quantity - 2);
  });

  it("are not put back from packing", async () => {
    const order_id = nextOrder++;
    const task_id = await pickedOrder(db, order_id, items);
    const { id } = await createShipment(db, freshCall(), { ...BASE, order_id });
    await handOverByHand(db, id);
    const stock = await stockOf(db, LISTING);
    const cancel = cancelPackingTask(db, freshCall(), { task_id, reason: "test" });
    await expect(cancel).rejects.toMatchObject({ reason: "ILLEGAL_TRANSITION" });
    expect(await stockOf(db, LISTING)).toEqual(stock);
    await packWhole(db, task_id);
    expect(await statusOf(db, order_id)).toMatchObject({ order: "shipped" });
  });
});
