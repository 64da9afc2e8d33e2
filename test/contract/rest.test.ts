import { randomUUID } from "node:crypto";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Database } from "../../src/db/database.ts";
import { serviceHandlers } from "../../src/rpc/service-handlers.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { type Doors, noStreams, openDoors, SECRET, tokenOf } from "../support/doors.ts";
import { pickedOrder } from "../support/parcels.ts";
import { makeListings, makeWarehouses, place, type TestWarehouse } from "../support/world.ts";

let database: TestDatabase;
let db: Database;
let doors: Doors;
let nextOrder = 101n;

beforeAll(async () => {
  database = await testDatabase();
  db = database.db;
  doors = await openDoors(
    serviceHandlers({ db, logger: pino({ level: "silent" }), readStreamLag: noStreams }),
    { auth: { mode: "tokens", secret: SECRET } },
  );
  const [warehouse] = (await makeWarehouses(db)) as [TestWarehouse];
  await makeListings(db, [1n, 2n]);
  await place(db, warehouse, 1n, 1_000);
  await place(db, warehouse, 2n, 1_000);
});
afterAll(async () => {
  await doors.close();
  await database.close();
});

interface Answer {
  status: number;
  body: any;
  headers: Headers;
}

async function ask(method: string, path: string, body?: unknown, token?: string): Promise<Answer> {
  const authorization = token ?? `Bearer ${await tokenOf("service")}`;
  const response = await fetch(`${doors.httpUrl}${path}`, {
    method,
    headers: { "content-type": "application/json", ...(authorization && { authorization }) },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  return { status: response.status, body: await response.json(), headers: response.headers };
}

/** An order whose goods are picked, and its number. */
async function shippableOrder(): Promise<number> {
  const order_id = nextOrder++;
  await pickedOrder(db, order_id, [
    { listing_id: 1n, quantity: 2 },
    { listing_id: 2n, quantity: 1 },
  ]);
  return Number(order_id);
}

const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

describe("/api/v1/shipments", () => {
  it("makes a shipment, gives it a number, and follows it to its door", async () => {
    const order_id = await shippableOrder();
    const made = await ask("POST", "/api/v1/shipments", { order_id, items: [] });
    expect(made).toMatchObject({ status: 201 });
    expect(made.body).toEqual({
      shipment_id: expect.any(Number),
      order_id,
      status: "READY",
      carrier_code: "MOCK",
      tracking_number: null,
      shipped_at: null,
      delivered_at: null,
      created_at: TIME,
      updated_at: TIME,
      items: [
        expect.objectContaining({ order_item_id: expect.any(Number), sku_id: 1, qty: 2 }),
        expect.objectContaining({ shipment_id: made.body.shipment_id, sku_id: 2, qty: 1 }),
      ],
      events: [
        {
          shipment_event_id: expect.any(Number),
          shipment_id: made.body.shipment_id,
          event_type: "SHIPMENT_CREATED",
          payload_json: expect.any(Object),
          created_at: TIME,
        },
      ],
    });
    const path = `/api/v1/shipments/${made.body.shipment_id}`;
    const number = { carrier_code: "CJ", tracking_number: `NO-${order_id}` };
    expect(await ask("POST", `${path}/tracking`, number)).toMatchObject({
      status: 200,
      body: { ...number, status: "SHIPPED", shipped_at: TIME },
    });
    expect(await ask("POST", `${path}/mock/status`, { status: "IN_TRANSIT" })).toMatchObject({
      status: 200,
      body: { status: "IN_TRANSIT", delivered_at: null },
    });
    const delivered = await ask("POST", `${path}/mock/status`, { status: "DELIVERED" });
    expect(delivered).toMatchObject({ status: 200, body: { status: "DELIVERED", delivered_at: TIME } });
    const read = await ask("GET", path);
    expect(read).toMatchObject({ status: 200, body: delivered.body });
    expect(read.body.events.map((event: { event_type: string }) => event.event_type)).toEqual([
      "SHIPMENT_CREATED",
      "TRACKING_ASSIGNED",
      "STATUS_UPDATED",
      "STATUS_UPDATED",
      "STATUS_UPDATED",
      "DELIVERED_CONFIRMED",
    ]);
  });

  it("takes an order's goods by their SKUs, and no more than there are", async () => {
    const order_id = await shippableOrder();
    const of = (qty: number) => ({
      order_id,
      items: [
        { sku_id: 1, qty: 2 },
        { sku_id: 2, qty },
      ],
    });
    expect(await ask("POST", "/api/v1/shipments", of(5))).toMatchObject({
      status: 409,
      body: { reason: "QUANTITY_EXCEEDED" },
    });
    expect(await ask("POST", "/api/v1/shipments", of(1))).toMatchObject({ status: 201 });
  });

  it("repeats its answer to a repeated request", async () => {
    const request = { order_id: await shippableOrder(), items: [], request_id: randomUUID() };
    const first = await ask("POST", "/api/v1/shipments", request);
    expect(await ask("POST", "/api/v1/shipments", request)).toMatchObject({ status: 201, body: first.body });
  });

  it("answers errors as the RPCs do, in HTTP's words", async () => {
    const order_id = await shippableOrder();
    const { body } = await ask("POST", "/api/v1/shipments", { order_id, items: [] });
    const path = `/api/v1/shipments/${body.shipment_id}`;
    const number = { carrier_code: "CJ", tracking_number: `E-${order_id}` };
    const asked: [string, string, unknown, number, string][] = [
      ["POST", "/api/v1/shipments", { order_id, items: [] }, 409, "SHIPMENT_EXISTS"],
      ["POST", "/api/v1/shipments", { order_id: 999_999 }, 404, "ORDER_NOT_FOUND"],
      ["POST", "/api/v1/shipments", { order_id: -1 }, 400, "INVALID_FIELD"],
      ["POST", "/api/v1/shipments", { items: [] }, 400, "INVALID_FIELD"],
      ["POST", "/api/v1/shipments", { order_id, colour: "red" }, 400, "INVALID_FIELD"],
      ["POST", "/api/v1/shipments", "{", 400, "INVALID_FIELD"],
      ["POST", "/api/v1/shipments", "", 400, "INVALID_FIELD"],
      ["POST", "/api/v1/shipments", { order_id, request_id: "1" }, 400, "INVALID_FIELD"],
      ["GET", "/api/v1/shipments/999999", undefined, 404, "SHIPMENT_NOT_FOUND"],
      ["POST", "/api/v1/shipments/999999/tracking", number, 404, "SHIPMENT_NOT_FOUND"],
      ["POST", `${path}/tracking`, { carrier_code: "CJ", tracking_number: "" }, 400, "INVALID_FIELD"],
      ["POST", `${path}/mock/status`, { status: "LOST" }, 400, "INVALID_FIELD"],
      ["POST", `${path}/mock/status`, { status: "IN_TRANSIT" }, 409, "TRACKING_NUMBER_MISSING"],
    ];
    for (const [method, route, request, status, reason] of asked) {
      const answer = await ask(method, route, request);
      expect([route, answer.status, answer.body.reason]).toEqual([route, status, reason]);
      expect(answer.body.error).toEqual(expect.any(String));
    }
    await ask("POST", `${path}/tracking`, number);
    await ask("POST", `${path}/mock/status`, { status: "DELIVERED" });
    expect(await ask("POST", `${path}/tracking`, { ...number, tracking_number: "X" })).toMatchObject({
      status: 409,
      body: { reason: "ILLEGAL_TRANSITION" },
    });
  });

  it.each([
    [{ order_id: "12a" }, "order_id: must be a positive id: a number, or its digits as text"],
    [{ order_id: 1.5 }, "order_id: must be a positive id: a number, or its digits as text"],
    [{ order_id: 1, items: {} }, "items: must be a list"],
    [{ order_id: 1, items: [{ sku_id: 1, qty: "2" }] }, "items[0].qty: must be a whole number"],
    [{ order_id: 1, carrier_code: 7 }, "carrier_code: must be text"],
    [[], "body: must be an object"],
  ])("says of %j what would be right", async (body, error) => {
    expect(await ask("POST", "/api/v1/shipments", body)).toMatchObject({ status: 400, body: { error } });
  });

  it("asks who calls, and whether he may, before anything is read", async () => {
    const unknown = await ask("POST", "/api/v1/shipments", "{".repeat(100), "Bearer a.b.c");
    expect(unknown).toMatchObject({ status: 401, body: { reason: "UNAUTHENTICATED" } });
    const worker = `Bearer ${await tokenOf("worker", 7n)}`;
    expect(await ask("POST", "/api/v1/shipments", { order_id: 1 }, worker)).toMatchObject({
      status: 403,
      body: { reason: "SCOPE_MISSING" },
    });
  });

  it("says which methods it answers", async () => {
    const answer = await ask("DELETE", "/api/v1/shipments/1");
    expect(answer.status).toBe(405);
    expect(answer.headers.get("allow")).toBe("GET");
    expect((await ask("GET", "/api/v1/shipments/1/nothing")).status).toBe(404);
  });
});

describe("/shipments", () => {
  const shippingAddress = "123 Main St, City, Country";

  it("makes and shows a shipment in the store's words", async () => {
    const orderID = await shippableOrder();
    const made = await ask("POST", "/shipments", { orderID, shippingAddress, shipmentStatus: "pending" });
    expect(made.status).toBe(201);
    expect(made.body).toEqual({
      shipmentID: expect.any(Number),
      orderID,
      shippingAddress,
      shipmentStatus: "pending",
    });
    const { shipmentID } = made.body;
    await ask("POST", `/api/v1/shipments/${shipmentID}/tracking`, {
      carrier_code: "FEDEX",
      tracking_number: `S-${orderID}`,
    });
    expect(await ask("GET", `/shipments/${shipmentID}`)).toMatchObject({
      status: 200,
      body: { shipmentID, orderID, shippingAddress, shipmentStatus: "shipped" },
    });
  });

  it.each(["1 Long Road, Flat 5, Springfield, IL 62704, USA", "1 Long Road, Springfield, IL 62704, USA"])(
    "keeps an address of more parts (%s)",
    async (line) => {
      const made = await ask("POST", "/shipments", {
        orderID: await shippableOrder(),
        shippingAddress: line,
      });
      expect(made.body).toMatchObject({ shippingAddress: line });
    },
  );

  it("refuses in one sentence", async () => {
    const orderID = await shippableOrder();
    for (const shippingAddress of [
      "",
      "somewhere",
      "a,,b",
      "1,2,3,4,5,6",
      undefined,
      7,
      `${"x".repeat(300)}, b, c`,
    ])
      expect(await ask("POST", "/shipments", { orderID, shippingAddress })).toMatchObject({
        status: 400,
        body: { error: "Invalid shipping address" },
      });
    const missing = await ask("GET", "/shipments/999999");
    expect([missing.status, missing.body]).toEqual([404, { error: "Shipment not found" }]);
    const status = await ask("POST", "/shipments", { orderID, shippingAddress, shipmentStatus: "shipped" });
    expect([status.status, status.body]).toEqual([
      400,
      { error: expect.stringMatching(/^shipmentStatus: must be "pending"/) },
    ]);
    const order = await ask("POST", "/shipments", { orderID: 999_999, shippingAddress });
    expect([order.status, order.body]).toEqual([404, { error: expect.stringContaining("999999") }]);
    expect((await ask("GET", "/shipments/1", undefined, "nobody")).status).toBe(401);
  });
});
