import { type ServiceError, status } from "@grpc/grpc-js";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { OrderPolicy } from "../../gen/wms/v1/orders_pb.js";
import { WarehouseService } from "../../gen/wms/v1/warehouse_service_pb.js";
import { createDatabase, createPool, type Database } from "../../src/db/database.ts";
import { findOrderView } from "../../src/db/order-views.ts";
import { serviceHandlers } from "../../src/rpc/service-handlers.ts";
import { takeOrderEvents } from "../../src/use-cases/orders/take-order-events.ts";
import { createPickingTask } from "../../src/use-cases/picking/create-picking-task.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { type Doors, openDoors, readRefusal, TestClient } from "../support/doors.ts";
import { expectLaws } from "../support/outcomes.ts";
import { refusal } from "../support/picking.ts";
import {
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
let house: TestWarehouse;
let nextListing = 1n;
let nextOrder = 1n;

beforeAll(async () => {
  test = await testDatabase();
  db = test.db;
  [house] = (await makeWarehouses(db, 1, 10)) as [TestWarehouse];
});
afterAll(() => test.close());

async function listing(units: number): Promise<bigint> {
  const id = nextListing++;
  await makeListings(db, [id]);
  await place(db, house, id, units);
  return id;
}

describe("row 17: two hundred clients want the last fifty units", () => {
  const { confirmOrder, reserveInventory: reserve } = WarehouseService.method;
  const STOCK = 50;
  let pool: ReturnType<typeof createPool>;
  let doors: Doors;
  let clients: TestClient[];

  beforeAll(async () => {
    pool = createPool({ connectionString: test.url });
    const readStreamLag = () => Promise.reject(new Error("nobody asks for it here"));
    const deps = { db: createDatabase(pool), logger: pino({ level: "silent" }), readStreamLag };
    doors = await openDoors(serviceHandlers(deps));
    clients = Array.from({ length: 200 }, () => new TestClient(doors.grpcAddress));
  });
  afterAll(async () => {
    for (const client of clients) client.close();
    await doors.close();
    await pool.end();
  });

  it.each([
    [
      "holds",
      (client: TestClient, listingId: bigint, orderId: bigint) =>
        client.call(
          reserve,
          { listingId, warehouseId: house.id, quantity: 1, orderId },
          { deadlineMs: 30_000 },
        ),
    ],
    [
      "orders that go whole or not at all",
      (client: TestClient, listingId: bigint, orderId: bigint) => {
        const items = [{ listingId, quantity: 1 }];
        return client.call(
          confirmOrder,
          { orderId, items, policy: OrderPolicy.REJECT },
          { deadlineMs: 30_000 },
        );
      },
    ],
  ])("as %s: fifty get one, the others are told that there are none", async (_name, want) => {
    const listing_id = await listing(STOCK);
    const outcomes = await Promise.allSettled(clients.map((client) => want(client, listing_id, nextOrder++)));
    const refusals = outcomes.flatMap((outcome) =>
      outcome.status === "rejected" ? [readRefusal(outcome.reason as ServiceError)] : [],
    );
    expect(outcomes.length - refusals.length).toBe(STOCK);
    for (const refusal of refusals)
      expect(refusal).toMatchObject({
        code: status.FAILED_PRECONDITION,
        reason: "INSUFFICIENT_STOCK",
        metadata: { requested: "1", available: "0" },
      });
    expect(await stockOf(db, listing_id)).toEqual({ quantity: STOCK, reserved: STOCK });
    await expectLaws(db);
  });
});

describe("row 18: one listing twice", () => {
  const UNITS = 5;
  const twice = (listing_id: bigint) => [
    { listing_id, quantity: 3 },
    { listing_id, quantity: 3 },
  ];

  it("in an order that goes whole or not at all: refused for the sum", async () => {
    const listing_id = await listing(UNITS);
    const order_id = nextOrder++;
    await takeOrderEvents(db, [confirmed(order_id, twice(listing_id), "reject")]);
    expect((await findOrderView(db, order_id))?.status).toBe("cancelled");
    expect(await stockOf(db, listing_id)).toEqual({ quantity: UNITS, reserved: 0 });
  });

  it("in an order that may wait: what there is is promised, and the rest of the sum is waited for", async () => {
    const listing_id = await listing(UNITS);
    const order_id = nextOrder++;
    await takeOrderEvents(db, [confirmed(order_id, twice(listing_id))]);
    const lines = (await findOrderView(db, order_id))?.items ?? [];
    expect(lines.reduce((sum, line) => sum + line.allocated_quantity, 0)).toBe(UNITS);
    expect(lines.reduce((sum, line) => sum + line.shortage_quantity, 0)).toBe(1);
    expect(await stockOf(db, listing_id)).toEqual({ quantity: UNITS, reserved: UNITS });
  });

  it("in two orders of one batch: the second is refused for what the first has taken", async () => {
    const listing_id = await listing(UNITS);
    const orders = [nextOrder++, nextOrder++];
    const wanted = [{ listing_id, quantity: 3 }];
    await takeOrderEvents(
      db,
      orders.map((order_id) => confirmed(order_id, wanted, "reject")),
    );
    const statuses = await Promise.all(orders.map(async (id) => (await findOrderView(db, id))?.status));
    expect(statuses).toEqual(["processing", "cancelled"]);
    expect(await stockOf(db, listing_id)).toEqual({ quantity: UNITS, reserved: 3 });
  });

  it("in one request for a picking task: refused for the sum, and nothing is kept of it", async () => {
    const listing_id = await listing(UNITS);
    const order_id = nextOrder++;
    const request = {
      order_id,
      warehouse_id: house.id,
      priority: "normal" as const,
      items: twice(listing_id),
    };
    expect(await refusal(createPickingTask(db, freshCall(), request))).toMatchObject({
      reason: "INSUFFICIENT_STOCK",
      metadata: { listing_id: String(listing_id), requested: "6", available: "5" },
    });
    expect(await findOrderView(db, order_id)).toBeUndefined();
    await place(db, house, listing_id, 1);
    const task = await createPickingTask(db, freshCall(), request);
    expect(task.items.reduce((sum, item) => sum + item.quantity_required, 0)).toBe(6);
    expect(await stockOf(db, listing_id)).toEqual({ quantity: 6, reserved: 6 });
    await expectLaws(db);
  });
});
