import { randomUUID } from "node:crypto";
import { pino } from "pino";
import { afterEach, beforeEach, expect, it } from "vitest";
import { logShipments } from "../../src/telemetry/shipment-log.ts";
import { cancelOrder } from "../../src/use-cases/orders/cancel-order.ts";
import { assignTracking } from "../../src/use-cases/shipping/assign-tracking.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { packWhole, pickedOrder } from "../support/parcels.ts";
import { freshCall, makeListings, makeWarehouses, place, type TestWarehouse } from "../support/world.ts";

let base: TestDatabase;
let lines: Record<string, unknown>[];
let stop: () => void;

beforeEach(async () => {
  base = await testDatabase();
  const [warehouse] = (await makeWarehouses(base.db)) as [TestWarehouse];
  await makeListings(base.db, [1n]);
  await place(base.db, warehouse, 1n, 100);
  lines = [];
  stop = logShipments(
    pino({ base: null, timestamp: false }, { write: (line) => void lines.push(JSON.parse(line)) }),
  );
});
afterEach(async () => {
  stop();
  await base.close();
});

it("has a line for each change of a shipment, with what it is about and which request caused it", async () => {
  const items = [{ listing_id: 1n, quantity: 1 }];
  const { shipment_id } = await packWhole(base.db, await pickedOrder(base.db, 7n, items));
  const under = { shipment_id: shipment_id as bigint, carrier_code: "cj", tracking_number: "NO-1" };
  const call = freshCall();
  for (let nth = 0; nth < 2; nth++) await assignTracking(base.db, call, under);
  await packWhole(base.db, await pickedOrder(base.db, 8n, items));
  await cancelOrder(base.db, freshCall(), { order_id: 8n, reason: randomUUID(), items: [] });
  const about = { level: 30, msg: "a shipment changed", shipment_id: String(shipment_id), order_id: "7" };
  const caused = { ...about, request_id: call.requestId };
  const numbered = { ...caused, carrier_code: "cj", tracking_number: "NO-1" };
  expect(lines.filter((line) => line["order_id"] === "7").slice(-3)).toEqual([
    { ...caused, event: "LABEL_VOIDED", carrier_code: "mock" },
    { ...numbered, event: "TRACKING_ASSIGNED" },
    { ...numbered, event: "STATUS_UPDATED", transition: "ready -> shipped" },
  ]);
  expect(lines[0]).toMatchObject({ event: "SHIPMENT_CREATED", order_id: "7", transition: "-> ready" });
  expect(lines.at(-1)).toMatchObject({
    event: "SHIPMENT_CANCELLED",
    order_id: "8",
    transition: "ready -> cancelled",
  });
});
