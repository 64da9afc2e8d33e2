import { randomUUID } from "node:crypto";
import { status } from "@grpc/grpc-js";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { OperationsService } from "../../gen/wms/v1/operations_service_pb.js";
import { WarehouseService } from "../../gen/wms/v1/warehouse_service_pb.js";
import { insertApiCall } from "../../src/db/api-calls.ts";
import { createDatabase, createPool, type Database } from "../../src/db/database.ts";
import { serviceHandlers } from "../../src/rpc/service-handlers.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { type Doors, noStreams, openDoors, TestClient } from "../support/doors.ts";
import { makeListings, makeWarehouses, place, type TestWarehouse } from "../support/world.ts";

const { confirmOrder, getOrder, getStock, placeInventory, listPickingTasks } = WarehouseService.method;

let database: TestDatabase;
let db: Database;
let pool: ReturnType<typeof createPool>;
let doors: Doors;
let client: TestClient;
let warehouse: TestWarehouse;

beforeAll(async () => {
  database = await testDatabase();
  db = database.db;
  pool = createPool({ connectionString: database.url, max: 16 }); // as in start/pools.ts
  doors = await openDoors(
    serviceHandlers({
      db: createDatabase(pool),
      logger: pino({ level: "silent" }),
      readStreamLag: noStreams,
    }),
  );
  client = new TestClient(doors.grpcAddress);
  [warehouse] = (await makeWarehouses(db)) as [TestWarehouse];
  await makeListings(db, [1n, 2n]);
});

afterAll(async () => {
  client.close();
  await doors.close();
  await pool.end();
  await database.close();
});

describe("the whole service behind its doors", () => {
  it("promises what there is, and not a unit more, to a crowd that comes at once", async () => {
    await place(db, warehouse, 1n, 50);
    const orders = Array.from({ length: 200 }, (_, index) => ({
      orderId: BigInt(index + 1),
      items: [{ listingId: 1n, quantity: 1 }],
      requestId: randomUUID(),
    }));
    await Promise.all(orders.map((order) => client.call(confirmOrder, order, { deadlineMs: 30_000 })));
    const stock = await client.call(getStock, { listingId: 1n });
    expect(stock).toMatchObject({ quantity: 50n, reservedQuantity: 50n, availableQuantity: 0n });
  }, 60_000);

  it("answers a repeated request id with the first answer, also fifty at once", async () => {
    const request = { orderId: 1_000n, items: [{ listingId: 2n, quantity: 1 }], requestId: randomUUID() };
    const answers = await Promise.all(Array.from({ length: 50 }, () => client.call(confirmOrder, request)));
    expect(new Set(answers.map((answer) => answer.confirmedAt?.nanos)).size).toBe(1);
    const other = { ...request, items: [{ listingId: 2n, quantity: 2 }] };
    expect(await client.refusal(confirmOrder, other)).toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: "REQUEST_ID_REUSED",
      fields: ["request_id"],
    });
  });

  it.each([
    ["a zero id", { listingId: 0n, warehouseId: 1n, locationId: 1n, quantity: 1 }, "listing_id"],
    ["a negative quantity", { listingId: 1n, warehouseId: 1n, locationId: 1n, quantity: -1 }, "quantity"],
    [
      "the largest int32",
      { listingId: 1n, warehouseId: 1n, locationId: 1n, quantity: 2 ** 31 - 1 },
      "quantity",
    ],
    [
      "a request id that is none",
      { listingId: 1n, warehouseId: 1n, locationId: 1n, quantity: 1, requestId: "x'; drop" },
      "request_id",
    ],
  ])("names the field of %s", async (_name, request, field) => {
    const refusal = await client.refusal(placeInventory, request);
    expect(refusal).toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: "INVALID_FIELD",
      fields: [field],
    });
  });

  it("names an enum value that it does not know, and a page token that is none", async () => {
    const badStatus = await client.refusal(listPickingTasks, { statuses: [99 as never] });
    expect(badStatus).toMatchObject({
      code: status.INVALID_ARGUMENT,
      fields: [expect.stringMatching(/^statuses/)],
    });
    const badToken = await client.refusal(listPickingTasks, { pageToken: "1 or 1=1" });
    expect(badToken).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ["page_token"] });
  });

  it("gives the same answer over gRPC and as JSON", async () => {
    const overGrpc = await client.call(getOrder, { orderId: 1n });
    const response = await fetch(`${doors.httpUrl}/wms.v1.WarehouseService/GetOrder`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"orderId":"1"}',
    });
    expect(await response.json()).toMatchObject({
      orderId: String(overGrpc.orderId),
      items: overGrpc.items.map(({ listingId, quantity }) => ({ listingId: String(listingId), quantity })),
    });
  });

  it("says UNAVAILABLE with a hint when the database is gone, and serves when it is back", async () => {
    const { rowCount } = await database.pool.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
    );
    expect(rowCount).toBeGreaterThan(0);
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, () => client.call(getOrder, { orderId: 1n })),
    );
    for (const outcome of outcomes)
      if (outcome.status === "rejected")
        expect((outcome.reason as { code: number }).code).toBe(status.UNAVAILABLE);
    expect((await client.call(getOrder, { orderId: 1n })).orderId).toBe(1n);
  });
});

describe("OperationsService", () => {
  it("lists the calls to carriers, newest first, by page and filter", async () => {
    for (const [index, service] of ["mock", "listings", "mock", "mock"].entries())
      await insertApiCall(db, {
        service,
        endpoint: "label",
        related_id: `shipment:${index}`,
        request_payload: index === 3 ? "<xml/>" : { index },
        response_body: "ok",
        status_code: index === 0 ? null : 200,
        is_success: true,
        duration_ms: 12,
        attempt: 1,
      });
    const { listApiCalls } = OperationsService.method;
    const first = await client.call(listApiCalls, { service: "mock", pageSize: 2 });
    expect(first.apiCalls.map((call) => call.relatedId)).toEqual(["shipment:3", "shipment:2"]);
    expect(first.apiCalls.map((call) => call.requestPayload)).toEqual([{ text: "<xml/>" }, { index: 2 }]);
    const second = await client.call(listApiCalls, {
      service: "mock",
      pageSize: 2,
      pageToken: first.nextPageToken,
    });
    expect(second.apiCalls).toMatchObject([{ relatedId: "shipment:0", statusCode: 0 }]);
    expect(second.nextPageToken).toBe("");
  });
});
