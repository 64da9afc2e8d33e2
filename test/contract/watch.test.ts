import * as grpc from "@grpc/grpc-js";
import { sql } from "kysely";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { OrderStatus } from "../../gen/wms/v1/orders_pb.js";
import { PickingTaskStatus } from "../../gen/wms/v1/picking_pb.js";
import { WarehouseService } from "../../gen/wms/v1/warehouse_service_pb.js";
import type { WatchOrderResponse, WatchTasksResponse } from "../../gen/wms/v1/watch_pb.js";
import { createDatabase, createPool } from "../../src/db/database.ts";
import { appendEvents } from "../../src/db/outbox.ts";
import { inTransaction } from "../../src/db/transaction.ts";
import { event } from "../../src/domain/events.ts";
import { serviceHandlers } from "../../src/rpc/service-handlers.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { type Doors, noStreams, openDoors, readRefusal, TestClient } from "../support/doors.ts";
import { makeTask } from "../support/picking.ts";
import { type Proxy, startProxy } from "../support/proxy.ts";
import { until } from "../support/until.ts";
import { makeListings, makeWarehouses, place, type TestWarehouse } from "../support/world.ts";

const rpc = WarehouseService.method;

let base: TestDatabase;
let wire: Proxy;
let pool: ReturnType<typeof createPool>;
let doors: Doors;
let client: TestClient;
let houses: [TestWarehouse, TestWarehouse];

beforeEach(async () => {
  base = await testDatabase();
  wire = await startProxy(base.url);
  pool = createPool({ connectionString: wire.url });
  const db = createDatabase(pool);
  const logger = pino({ level: "silent" });
  doors = await openDoors(serviceHandlers({ db, logger, readStreamLag: noStreams }));
  client = new TestClient(doors.grpcAddress);
  houses = (await makeWarehouses(base.db, 2, 2)) as [TestWarehouse, TestWarehouse];
  await makeListings(base.db, [1n, 2n]);
  await place(base.db, houses[0], 1n, 1_000);
  await place(base.db, houses[1], 2n, 1_000);
});
afterEach(async () => {
  client.close();
  await doors.close();
  await pool.end();
  await wire.close();
  await base.close();
});

/** What a stream has sent so far, and how it ended. */
interface Heard<Message> {
  messages: Message[];
  end: "open" | "ok" | grpc.ServiceError;
  hangUp(): void;
}

function listen<Message>(stream: grpc.ClientReadableStream<Message>): Heard<Message> {
  const heard: Heard<Message> = { messages: [], end: "open", hangUp: () => stream.cancel() };
  stream.on("data", (message: Message) => heard.messages.push(message));
  stream.on("error", (error: grpc.ServiceError) => {
    heard.end = error;
  });
  stream.on("end", () => {
    if (heard.end === "open") heard.end = "ok";
  });
  return heard;
}

function watchTasks(resumeToken?: string): Heard<WatchTasksResponse> {
  const request = { warehouseId: houses[0].id, ...(resumeToken === undefined ? {} : { resumeToken }) };
  return listen(client.stream(rpc.watchTasks, request));
}

function watchOrder(orderId: bigint, resumeToken?: string): Heard<WatchOrderResponse> {
  return listen(
    client.stream(rpc.watchOrder, { orderId, ...(resumeToken === undefined ? {} : { resumeToken }) }),
  );
}

/** The whole snapshot has come. */
function isPresent({ messages }: Heard<WatchTasksResponse>): boolean {
  return messages.some(({ content }) => content.case === "snapshot" && !content.value.more);
}

function changesIn(heard: Heard<WatchTasksResponse>) {
  return heard.messages.flatMap(({ content }) => (content.case === "change" ? [content.value] : []));
}

function eventTypes(heard: Heard<WatchTasksResponse> | Heard<WatchOrderResponse>): string[] {
  return heard.messages.flatMap(({ content }) =>
    content.case === "change" ? [content.value.eventType] : [],
  );
}

async function refused(heard: Heard<unknown>) {
  await until("the stream has ended", async () => heard.end !== "open");
  return readRefusal(heard.end as grpc.ServiceError);
}

describe("WatchTasks", () => {
  it("sends what is open, then every change of it, and nothing of another warehouse", async () => {
    const open = await makeTask(base.db, [{ listing_id: 1n, quantity: 1 }], "assigned");
    await makeTask(base.db, [{ listing_id: 1n, quantity: 1 }], "cancelled");
    await makeTask(base.db, [{ listing_id: 2n, quantity: 1 }], "assigned");
    const heard = watchTasks();
    await until("the snapshot has come", async () => isPresent(heard));
    const snapshots = heard.messages.flatMap(({ content }) =>
      content.case === "snapshot" ? content.value.pickingTasks : [],
    );
    expect(snapshots.map((task) => task.id)).toEqual([open.id]);

    await client.call(rpc.startPickingTask, { taskId: open.id });
    await makeTask(base.db, [{ listing_id: 2n, quantity: 1 }], "assigned");
    await client.call(rpc.pickItem, { taskId: open.id, itemId: open.items[0]?.id as bigint, quantity: 1 });
    await until("the changes have come", async () => changesIn(heard).length >= 2);
    expect(eventTypes(heard)).toEqual(["picking.started", "picking.item_picked"]);
    const [last] = changesIn(heard).slice(-1);
    expect(last?.task).toMatchObject({
      case: "pickingTask",
      value: { id: open.id, status: PickingTaskStatus.IN_PROGRESS, pickedItems: 1 },
    });
    heard.hangUp();
  });

  it("sends a large snapshot in parts, of which only the last can be resumed from", async () => {
    const tasks = await Promise.all(
      Array.from({ length: 205 }, () => makeTask(base.db, [{ listing_id: 1n, quantity: 1 }], "pending")),
    );
    const heard = watchTasks();
    await until("the snapshot has come", async () => isPresent(heard));
    const parts = heard.messages.map(({ content, resumeToken }) => ({ part: content.value, resumeToken }));
    expect(parts.map(({ part }) => part)).toMatchObject([
      { continued: false, more: true },
      { continued: true, more: false },
    ]);
    expect(parts.map(({ resumeToken }) => resumeToken !== "")).toEqual([false, true]);
    const ids = heard.messages.flatMap(({ content }) =>
      content.case === "snapshot" ? content.value.pickingTasks.map((task) => task.id) : [],
    );
    expect(new Set(ids)).toEqual(new Set(tasks.map((task) => task.id)));
    heard.hangUp();
  });

  it("resumes without a gap, whatever commits late and wherever it was cut off", async () => {
    const task = await makeTask(base.db, [{ listing_id: 1n, quantity: 1 }], "assigned");
    const heard = new Set<string>();
    let token: string | undefined;
    let over = false;
    const watching = (async () => {
      for (let round = 0; !over || round % 2 === 1; round++) {
        const stream = watchTasks(token);
        await until("something has come", async () => stream.messages.some((one) => one.resumeToken !== ""));
        await until("more has come, or nothing will", async () => over || stream.messages.length > 2);
        stream.hangUp();
        for (const change of changesIn(stream)) heard.add(change.eventId);
        token = stream.messages.findLast((one) => one.resumeToken !== "")?.resumeToken;
      }
    })();
    await Promise.all(Array.from({ length: 8 }, (_, nth) => writeAtOddTimes(task.id, nth)));
    over = true;
    await watching;
    const last = watchTasks(token);
    const expected = await committedEvents(task.id);
    const missing = () => expected.filter((id) => !heard.has(id));
    await until("nothing is missing", async () => {
      for (const change of changesIn(last)) heard.add(change.eventId);
      return missing().length === 0;
    });
    last.hangUp();
  });

  it("outlives a database that is away for a while", async () => {
    const task = await makeTask(base.db, [{ listing_id: 1n, quantity: 1 }], "assigned");
    const heard = watchTasks();
    await until("the snapshot has come", async () => isPresent(heard));
    wire.cut();
    await appendEvent(task.id);
    wire.mend();
    await until("the change has come", async () => changesIn(heard).length > 0);
    expect(heard.end).toBe("open");
    heard.hangUp();
  });

  it("tells the watcher to go elsewhere when the process goes down", async () => {
    const heard = watchTasks();
    await until("the snapshot has come", async () => isPresent(heard));
    doors.dispatcher.endStreams();
    expect(await refused(heard)).toMatchObject({ code: grpc.status.UNAVAILABLE, retryable: true });
  });

  it("refuses a warehouse that there is not, and a token that nobody gave", async () => {
    const nowhere = listen(client.stream(rpc.watchTasks, { warehouseId: 999n }));
    expect(await refused(nowhere)).toMatchObject({ reason: "WAREHOUSE_NOT_FOUND" });
    expect(await refused(watchTasks("yesterday"))).toMatchObject({
      code: grpc.status.INVALID_ARGUMENT,
      fields: ["resume_token"],
    });
  });

  it("begins with what is open when the token is of another time", async () => {
    await makeTask(base.db, [{ listing_id: 1n, quantity: 1 }], "assigned");
    for (const token of ["1.999999999", "1.0"]) {
      const heard = watchTasks(token);
      await until("the snapshot has come", async () => isPresent(heard));
      heard.hangUp();
    }
  });
});

describe("WatchOrder", () => {
  it("sends the order, its changes, and ends when it has ended", async () => {
    const task = await makeTask(base.db, [{ listing_id: 1n, quantity: 1 }], "assigned");
    const heard = watchOrder(task.order_id);
    await until("the order has come", async () => heard.messages.length > 0);
    expect(heard.messages[0]?.content).toMatchObject({
      case: "snapshot",
      value: { orderId: task.order_id, status: OrderStatus.PROCESSING },
    });
    await client.call(rpc.cancelOrder, { orderId: task.order_id, reason: "the customer asked" });
    await until("the stream has ended", async () => heard.end !== "open");
    expect(heard.end).toBe("ok");
    expect(eventTypes(heard)).toContain("order.status_changed");
    expect(eventTypes(heard)).not.toContain("inventory.released");
    expect(heard.messages.at(-1)?.content.value).toMatchObject({ order: { status: OrderStatus.CANCELLED } });

    const again = watchOrder(task.order_id, heard.messages.at(-1)?.resumeToken);
    await until("the stream has ended", async () => again.end !== "open");
    expect(again.end).toBe("ok");
  });

  it("refuses an order that there is not", async () => {
    expect(await refused(watchOrder(999n))).toMatchObject({ reason: "ORDER_NOT_FOUND" });
  });
});

const started = (task_id: bigint) => event("picking.started", { task_id, order_id: 1n, worker_id: 1n });

async function appendEvent(task_id: bigint): Promise<void> {
  await inTransaction(base.db, (trx) => appendEvents(trx, [started(task_id)]));
}

/**
 * Takes positions and keeps them for a while, so that later ones are visible first; some are never used. Written past the
 * counters of sequences, which would make one writer wait for the other.
 */
async function writeAtOddTimes(task_id: bigint, seed: number): Promise<void> {
  for (let nth = 0; nth < 12; nth++) {
    const work = base.db.transaction().execute(async (trx) => {
      await sql`
        insert into outbox (stream, aggregatetype, aggregateid, sequence, type, payload)
        values ('wms:events:picking', 'picking_task', ${String(task_id)}, ${seed * 100 + nth}, 'picking.started',
          ${JSON.stringify(started(task_id).fields)}::jsonb)`.execute(trx);
      await sql`select pg_sleep(${((seed * 7 + nth * 3) % 10) / 40})`.execute(trx);
      if ((seed + nth) % 4 === 0) throw new Error("rolled back");
    });
    await work.catch(() => {});
  }
}

async function committedEvents(task_id: bigint): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select id from outbox where aggregateid = ${String(task_id)} and sequence >= 100`.execute(base.db);
  expect(rows.length).toBeGreaterThan(50);
  return rows.map((row) => row.id);
}
