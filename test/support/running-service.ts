import { randomUUID } from "node:crypto";
import type { Redis } from "ioredis";
import { sql } from "kysely";
import { pino } from "pino";
import { expect } from "vitest";
import { PackagingType } from "../../gen/wms/v1/packing_pb.js";
import { WarehouseService } from "../../gen/wms/v1/warehouse_service_pb.js";
import { readConfig } from "../../src/config.ts";
import type { Database } from "../../src/db/database.ts";
import { startService } from "../../src/main.ts";
import { testDatabase } from "./database.ts";
import { TestClient } from "./doors.ts";
import { testRedis } from "./redis.ts";
import { openRedis, readStream } from "./streams.ts";
import { until } from "./until.ts";

const rpc = WarehouseService.method;
const WORKER_ID = 7n;
const PLACES = ["A-1", "A-2"];

/** The whole service in this process, with every role, on a database and a Redis of its own. */
export interface RunningService {
  client: TestClient;
  httpUrl: string;
  db: Database;
  redis: Redis;
  stop(): Promise<void>;
}

export async function runService(environment: Record<string, string> = {}): Promise<RunningService> {
  const [database, server] = await Promise.all([testDatabase(), testRedis()]);
  const config = readConfig({
    DATABASE_URL: database.url,
    REDIS_URL: server.url,
    GRPC_PORT: "0",
    HTTP_PORT: "0",
    AUTH: "none",
    DRAIN_SECONDS: "0",
    TRACKING_POLL_SECONDS: "0.1",
    ...environment,
  });
  const service = await startService(config, pino({ level: "silent" }), new AbortController().signal);
  const redis = openRedis(server.url);
  const client = new TestClient(`127.0.0.1:${service.info.grpcPort}`);
  return {
    client,
    httpUrl: `http://127.0.0.1:${service.info.httpPort}`,
    db: database.db,
    redis,
    stop: async () => {
      client.close();
      await service.stop();
      redis.disconnect();
      await Promise.all([database.close(), server.close()]);
    },
  };
}

const OTTAWA = {
  contactName: "Dock A",
  company: "Acme",
  street: "1 Test Way",
  city: "Ottawa",
  state: "ON",
  postalCode: "K1A 0B1",
  country: "CA",
  phone: "6135550100",
};

const TORONTO: Readonly<Record<string, string>> = {
  contact_name: "Ann Ex",
  street: "2 Test St",
  city: "Toronto",
  state: "ON",
  postal_code: "M5V 1J1",
  country: "CA",
  phone: "4165550100",
};

/** A warehouse, in Ottawa unless told otherwise, with stock of these listings, by the service's own calls. */
export async function stockUp(
  { client }: RunningService,
  listings: readonly bigint[],
  { code = "OTT", address = OTTAWA } = {},
): Promise<bigint> {
  const { warehouses } = await client.call(rpc.upsertWarehouses, {
    warehouses: [{ code, name: `Warehouse ${code}`, priority: 1, address }],
  });
  const warehouseId = warehouses[0]?.id as bigint;
  const { locations } = await client.call(rpc.upsertLocations, {
    warehouseId,
    locations: PLACES.map((place, index) => ({
      code: place,
      barcode: `${code}-${place}`,
      zoneCode: "A",
      aisle: 1,
      bay: index + 1,
      level: 1,
    })),
  });
  await client.call(rpc.upsertListings, {
    listings: listings.map((listingId) => ({
      listingId,
      sku: `SKU-${listingId}`,
      name: `Listing ${listingId}`,
      barcodes: [`EAN-${listingId}`],
      weight: 0.5,
      length: 10,
      width: 10,
      height: 5,
    })),
  });
  for (const listingId of listings)
    await client.call(rpc.placeInventory, {
      listingId,
      warehouseId,
      locationId: locations[0]?.id as bigint,
      quantity: 100,
    });
  return warehouseId;
}

/** An order as the Listings service publishes it. */
export async function publishOrder(
  { redis }: RunningService,
  order_id: bigint,
  items: readonly { listing_id: number; quantity: number }[],
  ship_to: Readonly<Record<string, string>> = TORONTO,
): Promise<void> {
  const fields = {
    type: "order.confirmed",
    event_id: randomUUID(),
    order_id: String(order_id),
    order_number: String(order_id),
    items: JSON.stringify(items),
    ship_to: JSON.stringify(ship_to),
  };
  await redis.xadd("listings:events:orders", "*", ...Object.entries(fields).flat());
}

/** An order's goods from their shelf: the picker's part. */
export async function pick({ client }: RunningService, orderId: bigint, warehouseId?: bigint): Promise<void> {
  const where = warehouseId === undefined ? {} : { warehouseId };
  const find = () => client.call(rpc.getPickingTaskByOrderID, { orderId, ...where });
  const { id: taskId } = await until("the picking task is there", find);
  await client.call(rpc.assignPickingTask, { taskId, workerId: WORKER_ID });
  const { items } = await client.call(rpc.startPickingTask, { taskId });
  for (const { id: itemId, quantityRequired: quantity, locationBarcode, barcodes } of items)
    await client.call(rpc.pickItem, {
      taskId,
      itemId,
      quantity,
      locationBarcode,
      itemBarcode: barcodes[0] as string,
    });
  await client.call(rpc.completePickingTask, { taskId });
}

/** Into one measured box: the packer's part. Returns the task. */
export async function pack({ client }: RunningService, orderId: bigint): Promise<bigint> {
  const { id: taskId } = await client.call(rpc.getPackingTaskByOrderID, { orderId });
  await client.call(rpc.startPackingTask, { taskId, workerId: WORKER_ID });
  const size = { weight: 1.2, length: 23, width: 15, height: 5, packagingType: PackagingType.BOX };
  await client.call(rpc.setPackageDetails, { taskId, ...size });
  await client.call(rpc.completePackingTask, { taskId });
  return taskId;
}

/** What was published about an order, by type, once this one is among it. */
export async function publishedUntil(
  { redis }: RunningService,
  order_id: bigint,
  last: string,
  stream: "fulfillment" | "shipment",
): Promise<Record<string, string>[]> {
  return until(`${last} of order ${order_id} is published`, async () => {
    const entries = (await readStream(redis, `wms:events:${stream}`)).map(({ fields }) => fields);
    const ours = entries.filter((fields) => fields["order_id"] === String(order_id));
    return ours.some((fields) => fields["type"] === last) && ours;
  });
}

/** Carriers are asked about every parcel at once, as they would be in the course of days. */
export async function passTime({ db }: RunningService): Promise<void> {
  await sql`update shipments set next_poll_at = now()`.execute(db);
}

/** Whatever the minute's clock begins, now. */
export async function strikeMinute({ db }: RunningService, task: string): Promise<void> {
  await sql`update channel_polls set begun_at = begun_at - interval '1 day'`.execute(db);
  await sql`select graphile_worker.add_job(${task})`.execute(db);
}

export async function getJson(url: string): Promise<unknown> {
  const response = await fetch(url);
  expect(response.status).toBe(200);
  return response.json();
}

export async function postJson(url: string, body: unknown): Promise<{ status: number; body: unknown }> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  return { status: response.status, body: await response.json() };
}
