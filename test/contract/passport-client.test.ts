import { fileURLToPath } from "node:url";
import * as grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { pino } from "pino";
import { afterAll, beforeAll, expect, it } from "vitest";
import { serviceHandlers } from "../../src/rpc/service-handlers.ts";
import { takeOrderEvents } from "../../src/use-cases/orders/take-order-events.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { type Doors, noStreams, openDoors, tokenOf } from "../support/doors.ts";
import { confirmed, makeListings, makeWarehouses, place, type TestWarehouse } from "../support/world.ts";

const FILE = fileURLToPath(new URL("fixtures/passport.proto", import.meta.url));

let database: TestDatabase;
let doors: Doors;
let client: grpc.Client;
let metadata: grpc.Metadata;
let warehouse: TestWarehouse;

beforeAll(async () => {
  database = await testDatabase();
  doors = await openDoors(
    serviceHandlers({ db: database.db, logger: pino({ level: "silent" }), readStreamLag: noStreams }),
  );
  const schema = grpc.loadPackageDefinition(
    loadSync(FILE, { keepCase: true, enums: String, longs: String, defaults: true }),
  );
  const { WarehouseService } = (schema["wms"] as grpc.GrpcObject)["v1"] as Record<
    string,
    grpc.ServiceClientConstructor
  >;
  client = new (WarehouseService as grpc.ServiceClientConstructor)(
    doors.grpcAddress,
    grpc.credentials.createInsecure(),
  );
  metadata = new grpc.Metadata();
  metadata.set("authorization", `Bearer ${await tokenOf("operator")}`);
  [warehouse] = (await makeWarehouses(database.db)) as [TestWarehouse];
  await makeListings(database.db, [1n]);
  await place(database.db, warehouse, 1n, 10);
});
afterAll(async () => {
  client.close();
  await doors.close();
  await database.close();
});

type Answer = Record<string, never> & {
  id: string;
  status: string;
  items: { id: string; quantity_required: number }[];
};

function call(method: string, request: object): Promise<Answer> {
  const rpc = (client as unknown as Record<string, (...args: unknown[]) => void>)[method] as (
    ...args: unknown[]
  ) => void;
  return new Promise((resolve, reject) =>
    rpc.call(client, request, metadata, (error: unknown, answer: Answer) =>
      error ? reject(error) : resolve(answer),
    ),
  );
}

it("takes an order from its confirmation to a packed task, knowing the first contract only", async () => {
  await takeOrderEvents(database.db, [confirmed(501n, [{ listing_id: 1n, quantity: 3 }])]);
  const task = await call("GetPickingTaskByOrderID", { order_id: "501" });
  expect(task).toMatchObject({
    order_id: "501",
    status: "PICKING_PENDING",
    total_items: 1,
    priority: "NORMAL",
  });
  await call("AssignPickingTask", { task_id: task.id, worker_id: "7" });
  expect(await call("StartPickingTask", { task_id: task.id })).toMatchObject({
    status: "IN_PROGRESS",
    worker_id: "7",
  });
  const item = await call("GetNextPickingItem", { task_id: task.id });
  await call("PickItem", { task_id: task.id, item_id: item.id, quantity: 3 });
  const done = await call("CompletePickingTask", { task_id: task.id });
  expect(done).toMatchObject({ status: "COMPLETED", picked_items: 1 });
  const packing = await call("CreatePackingTask", { picking_task_id: task.id });
  await call("StartPackingTask", { task_id: packing.id, worker_id: "8" });
  const box = { weight: 1.25, length: 30.5, width: 20, height: 10, packaging_type: "BAG" };
  await call("SetPackageDetails", { task_id: packing.id, ...box });
  const packed = await call("CompletePackingTask", { task_id: packing.id });
  expect(packed).toMatchObject({ status: "PACKED", order_id: "501", picking_task_id: task.id, ...box });
});

it("makes a task of its own, and is refused what the stock can't give", async () => {
  const request = {
    order_id: "502",
    warehouse_id: String(warehouse.id),
    priority: "HIGH",
    items: [{ listing_id: "1", quantity: 5 }],
  };
  expect(await call("CreatePickingTask", request)).toMatchObject({
    status: "PICKING_PENDING",
    priority: "HIGH",
  });
  const tooMuch = { ...request, order_id: "503", items: [{ listing_id: "1", quantity: 50 }] };
  await expect(call("CreatePickingTask", tooMuch)).rejects.toMatchObject({
    code: grpc.status.FAILED_PRECONDITION,
  });
});
