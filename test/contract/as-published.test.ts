import { randomUUID } from "node:crypto";
import { timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ShipmentStatus } from "../../gen/wms/v1/shipments_pb.js";
import { WarehouseService } from "../../gen/wms/v1/warehouse_service_pb.js";
import type { Database } from "../../src/db/database.ts";
import { serviceHandlers } from "../../src/rpc/service-handlers.ts";
import { takeOrderEvents } from "../../src/use-cases/orders/take-order-events.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { type Doors, noStreams, openDoors, TestClient } from "../support/doors.ts";
import { readyParcel } from "../support/parcels.ts";
import { confirmed, makeListings, makeWarehouses, place, type TestWarehouse } from "../support/world.ts";

const rpc = WarehouseService.method;
const DAY = 24 * 3_600_000;
const [FIFO, FEFO, LIFO, SOLD] = [1n, 2n, 3n, 4n];

let database: TestDatabase;
let db: Database;
let doors: Doors;
let client: TestClient;
let here: TestWarehouse;
let there: TestWarehouse;
let nextOrder = 1n;

beforeAll(async () => {
  database = await testDatabase();
  db = database.db;
  doors = await openDoors(
    serviceHandlers({ db, logger: pino({ level: "silent" }), readStreamLag: noStreams }),
  );
  client = new TestClient(doors.grpcAddress);
  [here, there] = (await makeWarehouses(db, 2)) as [TestWarehouse, TestWarehouse];
  await makeListings(db, [FIFO, SOLD]);
  await makeListings(db, [FEFO], "fefo");
  await makeListings(db, [LIFO], "lifo");
  await place(db, here, SOLD, 1_000);
});

afterAll(async () => {
  client.close();
  await doors.close();
  await database.close();
});

describe("UpdateShipmentStatus to SHIPPED", () => {
  async function shipped(stated: { occurredAt?: Date; note?: string }) {
    const { shipment_id: shipmentId } = await readyParcel(db, nextOrder++, [
      { listing_id: SOLD, quantity: 1 },
    ]);
    const { occurredAt, ...rest } = stated;
    return client.call(rpc.updateShipmentStatus, {
      shipmentId,
      status: ShipmentStatus.SHIPPED,
      ...rest,
      ...(occurredAt ? { occurredAt: timestampFromDate(occurredAt) } : {}),
    });
  }

  it("sets the time that is stated, and keeps the note in the event's payload", async () => {
    const occurredAt = new Date(Date.now() - 3 * DAY);
    const { status, shippedAt, events } = await shipped({ occurredAt, note: "fetched by the night van" });
    expect(status).toBe(ShipmentStatus.SHIPPED);
    expect(timestampDate(shippedAt as never)).toEqual(occurredAt);
    expect(events.at(-1)).toMatchObject({
      eventType: "STATUS_UPDATED",
      payload: { from: "ready", to: "shipped", note: "fetched by the night van" },
    });
  });

  it("is of now when no time is stated", async () => {
    const { shippedAt, events } = await shipped({});
    expect(Math.abs(timestampDate(shippedAt as never).getTime() - Date.now())).toBeLessThan(60_000);
    expect(events.at(-1)?.payload).toEqual({ from: "ready", to: "shipped" });
  });
});

describe("CancelOrder", () => {
  it("refuses more items than it takes, and cancels none of them", async () => {
    const orderId = nextOrder++;
    await takeOrderEvents(db, [confirmed(orderId, [{ listing_id: SOLD, quantity: 2 }])]);
    const others = Array.from({ length: 10_000 }, (_, nth) => ({
      listingId: BigInt(nth + 100),
      quantity: 1,
    }));
    const items = [...others, { listingId: SOLD, quantity: 1 }];
    const refusal = await client.refusal(rpc.cancelOrder, { orderId, items, requestId: randomUUID() });
    expect(refusal).toMatchObject({ reason: "INVALID_FIELD", fields: ["items"] });
    expect(refusal.message).toContain("10000");
    const { items: lines } = await client.call(rpc.getOrder, { orderId });
    expect(lines).toMatchObject([{ cancelledQuantity: 0 }]);
  });
});

describe("GetStock", () => {
  /** Ages in days; the lots' ids in the order in which they were placed. */
  async function shelve(
    listing_id: bigint,
    kept: { age: number; expires_on?: string; warehouse?: TestWarehouse }[],
  ): Promise<bigint[]> {
    const lots: bigint[] = [];
    for (const [bin, { warehouse = here, ...lot }] of kept.entries())
      lots.push(await place(db, warehouse, listing_id, 5, { bin, ...lot }));
    return lots;
  }

  const lotsOf = async (listingId: bigint, warehouseId?: bigint) =>
    (await client.call(rpc.getStock, { listingId, ...(warehouseId ? { warehouseId } : {}) })).lots.map(
      ({ id }) => id,
    );

  const reservedIn = async (listingId: bigint, quantity: number) =>
    (
      await client.call(rpc.reserveInventory, {
        listingId,
        warehouseId: here.id,
        quantity,
        orderId: nextOrder++,
      })
    ).allocations.map((part) => part.productLocationId);

  it("lists the lots in the order in which they are taken: FIFO", async () => {
    const [young, old, middle] = await shelve(FIFO, [{ age: 1 }, { age: 9 }, { age: 5 }]);
    expect(await lotsOf(FIFO)).toEqual([old, middle, young]);
    expect(await reservedIn(FIFO, 15)).toEqual([old, middle, young]);
  });

  it("lists the lots in the order in which they are taken: FEFO", async () => {
    const [late, never, soon, elsewhere] = await shelve(FEFO, [
      { age: 9, expires_on: "2199-06-01" },
      { age: 20 },
      { age: 1, expires_on: "2199-01-01" },
      { age: 1, expires_on: "2199-03-01", warehouse: there },
    ]);
    expect(await lotsOf(FEFO)).toEqual([soon, elsewhere, late, never]);
    expect(await lotsOf(FEFO, here.id)).toEqual([soon, late, never]);
    expect(await reservedIn(FEFO, 15)).toEqual([soon, late, never]);
  });

  it("lists the lots in the order in which they are taken: LIFO", async () => {
    const [middle, old, young] = await shelve(LIFO, [{ age: 5 }, { age: 9 }, { age: 1 }]);
    expect(await lotsOf(LIFO)).toEqual([young, middle, old]);
    expect(await reservedIn(LIFO, 15)).toEqual([young, middle, old]);
  });

  it("calls available what can be promised: not what is past its date", async () => {
    await makeListings(db, [5n], "fefo");
    await shelve(5n, [{ age: 9, expires_on: "2020-01-01" }, { age: 1 }]);
    expect(await client.call(rpc.getStock, { listingId: 5n })).toMatchObject({
      quantity: 10n,
      availableQuantity: 5n,
    });
  });
});

describe.each([
  ["GetStock", rpc.getStock],
  ["GetPickingLocations", rpc.getPickingLocations],
] as const)("%s", (_name, ask) => {
  it("knows a shelf that is empty from a listing or warehouse that is not there", async () => {
    await makeListings(db, [6n]);
    const warehouseId = here.id;
    await expect(client.call(ask, { listingId: 6n, warehouseId })).resolves.toBeDefined();
    expect(await client.refusal(ask, { listingId: 666n, warehouseId })).toMatchObject({
      reason: "LISTING_NOT_FOUND",
      metadata: { listing_id: "666" },
    });
    expect(await client.refusal(ask, { listingId: 6n, warehouseId: 666n })).toMatchObject({
      reason: "WAREHOUSE_NOT_FOUND",
      metadata: { warehouse_id: "666" },
    });
  });
});

describe("AdjustInventory", () => {
  it("takes a count that finds what was expected, and writes nothing in the ledger", async () => {
    await makeListings(db, [7n]);
    const productLocationId = await place(db, here, 7n, 4);
    for (const adjustment of [
      { case: "countedQuantity", value: 4 },
      { case: "delta", value: 0 },
    ] as const) {
      const lot = await client.call(rpc.adjustInventory, {
        productLocationId,
        adjustment,
        reason: "recount",
      });
      expect(lot.quantity).toBe(4);
    }
    expect((await client.call(rpc.listMovements, { listingId: 7n })).movements).toHaveLength(1);
  });
});
