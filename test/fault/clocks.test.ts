import { randomUUID } from "node:crypto";
import { timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { sql } from "kysely";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ShipmentStatus } from "../../gen/wms/v1/shipments_pb.js";
import { WarehouseService } from "../../gen/wms/v1/warehouse_service_pb.js";
import type { Carrier } from "../../src/carriers/carrier.ts";
import type { Database } from "../../src/db/database.ts";
import { takeLead } from "../../src/events/lead.ts";
import { connectPostgres } from "../../src/events/relay-postgres.ts";
import { OWN_STREAMS } from "../../src/events/streams.ts";
import { trimStreams } from "../../src/events/trim-streams.ts";
import { createTasks } from "../../src/jobs/tasks.ts";
import { serviceHandlers } from "../../src/rpc/service-handlers.ts";
import { expireReservations } from "../../src/use-cases/inventory/expire-reservations.ts";
import { prune } from "../../src/use-cases/maintenance/prune.ts";
import { takeOrderEvents } from "../../src/use-cases/orders/take-order-events.ts";
import { pollTracking } from "../../src/use-cases/shipping/poll-tracking.ts";
import { withClockOff } from "../support/clock.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { type Doors, openDoors, TestClient } from "../support/doors.ts";
import { mockCarriers, packWhole, pickedOrder } from "../support/parcels.ts";
import { testRedis } from "../support/redis.ts";
import { openRedis } from "../support/streams.ts";
import {
  confirmed,
  makeListings,
  makeWarehouses,
  place,
  stockOf,
  type TestWarehouse,
} from "../support/world.ts";

const HOUR = 3_600_000;
const rpc = WarehouseService.method;

let test: TestDatabase;
let db: Database;
let doors: Doors;
let client: TestClient;
let house: TestWarehouse;
let nextListing = 1n;
let nextOrder = 1n;

beforeAll(async () => {
  test = await testDatabase();
  db = test.db;
  const readStreamLag = () => Promise.reject(new Error("nobody asks for it here"));
  doors = await openDoors(serviceHandlers({ db, logger: pino({ level: "silent" }), readStreamLag }));
  client = new TestClient(doors.grpcAddress);
  [house] = (await makeWarehouses(db)) as [TestWarehouse];
});
afterAll(async () => {
  client.close();
  await doors.close();
  await test.close();
});

async function listing(units: number): Promise<bigint> {
  const id = nextListing++;
  await makeListings(db, [id]);
  await place(db, house, id, units);
  return id;
}

/** The time that everybody but the one process goes by. */
async function trueTime(): Promise<number> {
  const { rows } = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(db);
  return (rows[0] as { now: Date }).now.getTime();
}

function isNow(date: Date): boolean {
  return Math.abs(date.getTime() - Date.now()) < 60_000;
}

describe.each([
  ["an hour fast", HOUR],
  ["an hour slow", -HOUR],
])("row 36: a process whose clock is %s", (_name, off) => {
  const hold = (listingId: bigint, expiresAt?: number) => ({
    listingId,
    warehouseId: house.id,
    quantity: 2,
    orderId: nextOrder++,
    requestId: randomUUID(),
    ...(expiresAt === undefined ? {} : { expiresAt: timestampFromDate(new Date(expiresAt)) }),
  });

  it("takes a hold that ends in the future, and none that has ended", async () => {
    const id = await listing(10);
    const now = await trueTime();
    await withClockOff(off, () => client.call(rpc.reserveInventory, hold(id, now + HOUR / 2)));
    const refusal = await withClockOff(off, () =>
      client.refusal(rpc.reserveInventory, hold(id, now - HOUR / 2)),
    );
    expect(refusal).toMatchObject({ reason: "INVALID_FIELD", fields: ["expires_at"] });
  });

  it("lets a hold without an end last for a day", async () => {
    const id = await listing(10);
    const made = await withClockOff(off, () => client.call(rpc.reserveInventory, hold(id)));
    if (!made.expiresAt) throw new Error("the hold has no end");
    expect(isNow(new Date(timestampDate(made.expiresAt).getTime() - 24 * HOUR))).toBe(true);
  });

  it("ends holds when their time is up, not before and not later", async () => {
    const id = await listing(10);
    const now = await trueTime();
    const lasting = await client.call(rpc.reserveInventory, hold(id, now + HOUR / 2));
    const over = await client.call(rpc.reserveInventory, hold(id, now + HOUR / 2));
    await sql`update wms_reservations set expires_at = now() - interval '1 minute' where hold_id = ${over.id}`.execute(
      db,
    );
    expect(await withClockOff(off, () => expireReservations(db))).toBe(1);
    expect(await stockOf(db, id)).toEqual({ quantity: 10, reserved: lasting.quantity });
  });

  it("forgets neither a request id nor a message before its time", async () => {
    const id = await listing(10);
    const request = hold(id, (await trueTime()) + 2 * HOUR);
    const first = await client.call(rpc.reserveInventory, request);
    await sql`update idempotency_keys set created_at = now() - interval '7 days' + interval '30 minutes'
      where request_id = ${request.requestId}`.execute(db);
    await withClockOff(off, () => prune(db));
    expect(await withClockOff(off, () => client.call(rpc.reserveInventory, request))).toEqual(first);
  });

  it("stamps what it writes with the time that all go by", async () => {
    const id = await listing(10);
    const order_id = nextOrder++;
    await withClockOff(off, () =>
      takeOrderEvents(db, [confirmed(order_id, [{ listing_id: id, quantity: 1 }])]),
    );
    const lot = { listingId: id, warehouseId: house.id, locationId: house.bins[0] as bigint, quantity: 1 };
    const placed = await withClockOff(off, () => client.call(rpc.placeInventory, lot));
    const { rows } = await sql<Record<string, Date>>`
      select confirmed_at, o.created_at, o.updated_at, task.created_at as task_at, event.created_at as told_at
      from orders o join picking_tasks task using (order_id)
      join outbox event on event.aggregatetype = 'order' and event.aggregateid = o.order_id::text
      where o.order_id = ${order_id} limit 1`.execute(db);
    const times = [...Object.values(rows[0] ?? {}), timestampDate(placed.receivedAt as never)];
    expect(times).toHaveLength(6);
    for (const time of times) expect(isNow(time), String(time)).toBe(true);
  });

  it("takes a status stated now, and none of the future", async () => {
    const listing_id = await listing(10);
    const { shipment_id } = await packWhole(
      db,
      await pickedOrder(db, nextOrder++, [{ listing_id, quantity: 1 }]),
    );
    const shipmentId = shipment_id as bigint;
    const number = { shipmentId, carrierCode: "mock", trackingNumber: `T${shipmentId}` };
    await withClockOff(off, () => client.call(rpc.assignTracking, number));
    const told = { shipmentId, status: ShipmentStatus.IN_TRANSIT };
    const future = { ...told, occurredAt: timestampFromDate(new Date((await trueTime()) + HOUR / 2)) };
    const refusal = await withClockOff(off, () => client.refusal(rpc.updateShipmentStatus, future));
    expect(refusal).toMatchObject({ reason: "INVALID_FIELD", fields: ["occurred_at"] });
    await withClockOff(off, () => client.call(rpc.updateShipmentStatus, told));
    const { events } = await client.call(rpc.listTrackingEvents, {
      subject: { case: "shipmentId", value: shipmentId },
    });
    expect(events.map(({ occurredAt }) => isNow(timestampDate(occurredAt as never)))).toEqual([true]);
  });

  it("asks for no parcel that another process has just asked for", async () => {
    const carrier = { ...(mockCarriers().get("mock") as Carrier), track: () => Promise.resolve([]) };
    expect(await pollTracking(db, carrier, 10 * 60_000)).toBeGreaterThan(0);
    expect(await withClockOff(off, () => pollTracking(db, carrier, 10 * 60_000))).toBe(0);
  });

  it("is due to ask again after its interval", async () => {
    const logger = pino({ level: "silent" });
    const tasks = createTasks({ db, carriers: new Map(), channels: {}, logger, trackingPollSeconds: 600 });
    const query = (statement: string, values: unknown[]) => test.pool.query(statement, values);
    await withClockOff(off, async () => tasks["poll_tracking"]?.({}, { query } as never));
    const { rows } = await sql<{ ms: number }>`
      select (extract(epoch from run_at - now()) * 1000)::int as ms from graphile_worker.jobs
      where key = 'poll_tracking'`.execute(db);
    expect(rows.map(({ ms }) => Math.round(ms / 60_000))).toEqual([10]);
  });

  it("lets a stream forget nothing before its time", async () => {
    const server = await testRedis();
    const redis = openRedis(server.url);
    const postgres = await connectPostgres(test.url);
    const stream = OWN_STREAMS[0] as string;
    const now = (await trueTime()) - HOUR / 4;
    for (let nth = 0; nth < 300; nth++) await redis.xadd(stream, `${now}-${nth + 1}`, "type", "young");
    const lead = await takeLead(postgres, redis);
    await withClockOff(off, () => trimStreams(lead, 1_000, HOUR / 2));
    expect(await redis.xlen(stream)).toBe(300);
    redis.disconnect();
    await postgres.end();
    await server.close();
  });
});
