import { Registry } from "prom-client";
import { afterEach, beforeEach, expect, it } from "vitest";
import { inTransaction } from "../../src/db/transaction.ts";
import { countShipments } from "../../src/telemetry/shipment-metrics.ts";
import { cancelOrder } from "../../src/use-cases/orders/cancel-order.ts";
import { assignTracking } from "../../src/use-cases/shipping/assign-tracking.ts";
import { openShipment } from "../../src/use-cases/shipping/open-shipment.ts";
import { recordTracking } from "../../src/use-cases/shipping/record-tracking.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { packWhole, pickedOrder, readyParcel, shippedParcel } from "../support/parcels.ts";
import { freshCall, makeListings, makeWarehouses, place, type TestWarehouse } from "../support/world.ts";

const ITEMS = [{ listing_id: 1n, quantity: 1 }];

let base: TestDatabase;
let registry: Registry;
let stopCounting: () => void;

beforeEach(async () => {
  base = await testDatabase();
  const [warehouse] = (await makeWarehouses(base.db)) as [TestWarehouse];
  await makeListings(base.db, [1n]);
  await place(base.db, warehouse, 1n, 100);
  registry = new Registry();
  stopCounting = countShipments(registry);
});
afterEach(async () => {
  stopCounting();
  await base.close();
});

async function counts(): Promise<string[]> {
  return (await registry.metrics()).split("\n").filter((line) => /^shipment_\w+\{/.test(line));
}

it("counts shipments made, numbers given and statuses changed, whoever caused them", async () => {
  const { tracking_number } = await shippedParcel(base.db, 1n, ITEMS);
  const parcel = await pickedOrder(base.db, 2n, ITEMS);
  const { shipment_id } = await packWhole(base.db, parcel);
  const under = { shipment_id: shipment_id as bigint, carrier_code: "fedex", tracking_number: "F1" };
  await assignTracking(base.db, freshCall(), under);
  const told = { raw_code: "", description: "", location: "", occurred_at: new Date() };
  const fact = { carrier_code: "mock", tracking_number, status: "delivered" as const, ...told };
  await recordTracking(base.db, [fact, fact], "webhook");
  await readyParcel(base.db, 3n, ITEMS);
  await cancelOrder(base.db, freshCall(), { order_id: 3n, reason: "by phone", items: [] });
  expect(await counts()).toEqual([
    'shipment_create_total{status="ready"} 3',
    'shipment_tracking_assign_total{status="ready"} 2',
    'shipment_tracking_assign_total{status="shipped"} 1',
    'shipment_status_update_total{from="ready",to="shipped"} 2',
    'shipment_status_update_total{from="shipped",to="delivered"} 1',
    'shipment_status_update_total{from="ready",to="cancelled"} 1',
  ]);
});

it("counts nothing twice for a repeated call, and nothing that was rolled back or refused", async () => {
  const task_id = await pickedOrder(base.db, 1n, ITEMS);
  const { shipment_id } = await packWhole(base.db, task_id);
  const call = freshCall();
  const under = { shipment_id: shipment_id as bigint, carrier_code: "fedex", tracking_number: "F1" };
  await Promise.all([1, 2, 3].map(() => assignTracking(base.db, call, under)));
  const again = inTransaction(base.db, async (trx) => {
    const shipment = {
      order_id: 1n,
      fulfillment_id: null,
      warehouse_id: null,
      carrier_code: "mock",
      service: "",
    };
    await openShipment(trx, { ...shipment, ship_to: null, items: [], packages: [], packing_task_id: null });
    throw new Error("no");
  });
  await expect(again).rejects.toThrow("no");
  const second = await pickedOrder(base.db, 2n, ITEMS);
  const other = await packWhole(base.db, second);
  const taken = assignTracking(base.db, freshCall(), { ...under, shipment_id: other.shipment_id as bigint });
  await expect(taken).rejects.toMatchObject({ reason: "TRACKING_NUMBER_TAKEN" });
  expect(await counts()).toEqual([
    'shipment_create_total{status="ready"} 2',
    'shipment_tracking_assign_total{status="ready"} 0',
    'shipment_tracking_assign_total{status="shipped"} 1',
    'shipment_status_update_total{from="ready",to="shipped"} 1',
  ]);
});
