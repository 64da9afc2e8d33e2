import { status } from "@grpc/grpc-js";
import { sql } from "kysely";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WarehouseService } from "../../gen/wms/v1/warehouse_service_pb.js";
import { readConfig } from "../../src/config.ts";
import { upsertCarriers } from "../../src/db/carriers.ts";
import { shipmentView } from "../../src/db/shipment-views.ts";
import { serviceHandlers } from "../../src/rpc/service-handlers.ts";
import { readCarrierRules } from "../../src/start/carrier-rules.ts";
import { setPackageDetails } from "../../src/use-cases/packing/set-package-details.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { type Doors, noStreams, openDoors, TestClient } from "../support/doors.ts";
import { BOX, OPERATOR, pickedOrder, startPacking } from "../support/parcels.ts";
import { freshCall, makeListings, makeWarehouses, place, type TestWarehouse } from "../support/world.ts";

const { explainCarrierChoice, createShipment, completePackingTask, cancelShipment } = WarehouseService.method;

const RULES = [
  { name: "korea", when: { countries: ["KR"] }, carrier_code: "cj" },
  {
    name: "small",
    when: { countries: ["RS"], warehouses: ["W1"], max_weight_kg: 10 },
    carrier_code: "bex",
    service: "STANDARD",
  },
  { name: "fast", when: { services: ["express"] }, carrier_code: "fedex", service: "PRIORITY_OVERNIGHT" },
  { carrier_code: "mock" },
];

let test: TestDatabase;
let doors: Doors;
let client: TestClient;
let packing_task_id: bigint;

beforeAll(async () => {
  test = await testDatabase();
  const { db } = test;
  const carrierRules = readCarrierRules(readConfig({ CARRIER_RULES: JSON.stringify(RULES) }));
  const logger = pino({ level: "silent" });
  doors = await openDoors(serviceHandlers({ db, logger, carrierRules, readStreamLag: noStreams }));
  client = new TestClient(doors.grpcAddress);
  const [warehouse] = (await makeWarehouses(db)) as [TestWarehouse];
  await makeListings(db, [1n]);
  await place(db, warehouse, 1n, 20);
  await upsertCarriers(db, [{ code: "bex", name: "BEX" }]);
  packing_task_id = await pickedOrder(db, 1n, [{ listing_id: 1n, quantity: 3 }]);
});

afterAll(async () => {
  client.close();
  await doors.close();
  await test.close();
});

async function fulfillmentOf(order_id: bigint): Promise<bigint> {
  const { rows } = await sql<{
    id: bigint;
  }>`select id from fulfillments where order_id = ${order_id}`.execute(test.db);
  return (rows[0] as { id: bigint }).id;
}

describe("ExplainCarrierChoice", () => {
  it("answers about a parcel that is made up, rule by rule", async () => {
    const parcels = [{ weight: 2, length: 30, width: 20, height: 10 }];
    const answer = await client.call(explainCarrierChoice, { country: "us", service: "express", parcels });
    expect(answer).toMatchObject({ carrierCode: "fedex", service: "PRIORITY_OVERNIGHT", country: "US" });
    expect(
      answer.rules.map(({ number, name, carrierCode, matched, reason }) => [
        number,
        name,
        carrierCode,
        matched,
        reason,
      ]),
    ).toEqual([
      [1, "korea", "cj", false, "the destination is US, not KR"],
      [2, "small", "bex", false, "the destination is US, not RS"],
      [3, "fast", "fedex", true, "everything that it asks for holds"],
      [4, "", "mock", false, "not asked: rule 3 was first"],
    ]);
    expect(answer.parcels).toMatchObject(parcels);
  });

  it("answers about an order and its fulfillment, and the shipment then goes by that carrier", async () => {
    const unmeasured = await client.call(explainCarrierChoice, { orderId: 1n });
    expect(unmeasured).toMatchObject({
      carrierCode: "mock",
      country: "RS",
      warehouseCode: "W1",
      storefrontId: 1n,
    });
    expect(unmeasured.rules[1]?.reason).toBe("the chargeable weight is not known yet");

    await startPacking(test.db, packing_task_id);
    await setPackageDetails(test.db, freshCall(), { task_id: packing_task_id, ...BOX, actor: OPERATOR });
    const packed = await client.call(completePackingTask, { taskId: packing_task_id });
    const fulfillmentId = await fulfillmentOf(1n);
    expect(await client.call(explainCarrierChoice, { fulfillmentId })).toMatchObject({
      carrierCode: "bex",
      service: "STANDARD",
      parcels: [{ weight: BOX.weight, length: BOX.length, width: BOX.width, height: BOX.height }],
    });
    const heavy = { ...BOX, packaging_type: undefined, weight: 11 };
    expect(await client.call(explainCarrierChoice, { fulfillmentId, parcels: [heavy] })).toMatchObject({
      carrierCode: "mock",
    });
    expect(await shipmentView(test.db, packed.shipmentId)).toMatchObject({
      carrier_code: "bex",
      service: "STANDARD",
    });

    await client.call(cancelShipment, { shipmentId: packed.shipmentId, reason: "another way" });
    const again = await client.call(createShipment, { fulfillmentId });
    expect(again).toMatchObject({ carrierCode: "bex", service: "STANDARD" });
    await client.call(cancelShipment, { shipmentId: again.id, reason: "another way" });
    const named = await client.call(createShipment, { fulfillmentId, carrierCode: "mock" });
    expect(named).toMatchObject({ carrierCode: "mock", service: "" });
    await client.call(cancelShipment, { shipmentId: named.id, reason: "another way" });
    const abroad = { contactName: "Kim", street: "1", city: "Seoul", country: "KR" };
    expect(await client.refusal(createShipment, { fulfillmentId, shipTo: abroad })).toMatchObject({
      reason: "CARRIER_NOT_FOUND",
      metadata: { carrier_code: "cj" },
    });
  });

  it("refuses what it can't answer, by the field's name", async () => {
    const { INVALID_ARGUMENT, NOT_FOUND } = status;
    const refused = async (request: object) => {
      const { code, reason, fields } = await client.refusal(explainCarrierChoice, request);
      return { code, reason, fields };
    };
    expect(await refused({ orderId: 404n })).toMatchObject({ code: NOT_FOUND, reason: "ORDER_NOT_FOUND" });
    expect(await refused({ fulfillmentId: 404n })).toMatchObject({ reason: "FULFILLMENT_NOT_FOUND" });
    expect(await refused({ orderId: 404n, fulfillmentId: await fulfillmentOf(1n) })).toMatchObject({
      code: INVALID_ARGUMENT,
      fields: ["fulfillment_id"],
    });
    expect(await refused({ country: "Serbia" })).toMatchObject({ fields: ["country"] });
    expect(await refused({ parcels: [{ weight: 1, length: 1, width: -1, height: 1 }] })).toMatchObject({
      fields: ["parcels[0].width"],
    });
  });
});
