import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { sql } from "kysely";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { CarrierRefusal, type Carriers } from "../../src/carriers/carrier.ts";
import { createChannels } from "../../src/channels/registry.ts";
import { setChannel } from "../../src/db/channels.ts";
import { createDatabase, createPool, type Database } from "../../src/db/database.ts";
import { type Jobs, startJobs } from "../../src/jobs/jobs.ts";
import { prune } from "../../src/use-cases/maintenance/prune.ts";
import { shipPackingTask } from "../../src/use-cases/packing/ship-packing-task.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { mockCarriers, OPERATOR, packWhole, pickedOrder } from "../support/parcels.ts";
import { until } from "../support/until.ts";
import { freshCall, makeListings, makeWarehouses, place, type TestWarehouse } from "../support/world.ts";

let test: TestDatabase;
let db: Database;
let nextOrder = 1n;
const items = [{ listing_id: 701n, quantity: 1 }];
const logger = pino({ level: "silent" });
const running: Jobs[] = [];
const servers: Server[] = [];

beforeAll(async () => {
  test = await testDatabase();
  db = test.db;
  const [warehouse] = (await makeWarehouses(db)) as [TestWarehouse];
  await makeListings(db, [701n]);
  await place(db, warehouse, 701n, 10_000);
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((jobs) => jobs.stop()));
  for (const server of servers.splice(0)) server.close();
});
afterAll(() => test.close());

async function start(
  carriers: Carriers = mockCarriers(),
  { listingsUrl = undefined as string | undefined, poll = 60 } = {},
) {
  const jobs = await startJobs({
    databaseUrl: test.url,
    db,
    carriers,
    channels: createChannels({ listingsUrl }),
    logger,
    trackingPollSeconds: poll,
  });
  running.push(jobs);
  return jobs;
}

async function packed(order_id: bigint) {
  return packWhole(db, await pickedOrder(db, order_id, items));
}

async function orderStatus(order_id: bigint): Promise<string | undefined> {
  const { rows } = await sql<{
    status: string;
  }>`select status from orders where order_id = ${order_id}`.execute(db);
  return rows[0]?.status;
}

/** A Listings service that fails as often as told, and remembers what it was sent. */
async function listings(failures: number[]) {
  const taken: { url: string; status: string }[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => {
      body += chunk;
    });
    request.on("end", () => {
      const failure = failures.shift();
      if (failure === undefined) taken.push({ url: request.url ?? "", ...JSON.parse(body) });
      response.writeHead(failure ?? 200).end("{}");
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, taken };
}

describe("the job runner", () => {
  it("buys the label of a packed parcel, follows it to the door and reports the order, through failures", async () => {
    const service = await listings([503, 500]);
    await setChannel(db, "listings", true);
    await start(mockCarriers({ speed: 1_000_000 }), { listingsUrl: service.url, poll: 0.2 });
    const order_id = nextOrder++;
    const task = await packed(order_id);
    await until("the label", async () => (await orderStatus(order_id)) === "ready_for_shipment");
    await shipPackingTask(db, freshCall(), { task_id: task.id, actor: OPERATOR });
    await until("the delivery", async () => {
      const { rows } = await sql<{
        status: string;
      }>`select status from shipments where order_id = ${order_id}`.execute(db);
      return ["delivered", "returned"].includes(rows[0]?.status ?? "");
    });
    const final = (await orderStatus(order_id)) as string;
    await until("the report", async () => service.taken.at(-1)?.status === final, 30_000);
    expect(service.taken.every((report) => report.url === `/api/v1/orders/${order_id}/status`)).toBe(true);
    const ranks = ["confirmed", "processing", "ready_for_shipment", "shipped", "delivered"];
    const reported = service.taken.map((report) => ranks.indexOf(report.status));
    expect(reported).toEqual(reported.toSorted((a, b) => a - b));
    const audit = await sql<{ status_code: number; is_success: boolean }>`
      select status_code, is_success from api_calls where service = 'listings' order by call_id`.execute(db);
    expect(audit.rows.filter((row) => !row.is_success).map((row) => row.status_code)).toEqual([503, 500]);
    await setChannel(db, "listings", false);
  });

  it("enqueues no reports when no channel wants them", async () => {
    const order_id = nextOrder++;
    await packed(order_id);
    const { rows } =
      await sql`select from graphile_worker.jobs where task_identifier = 'report_order_status'`.execute(db);
    expect(rows).toHaveLength(0);
  });

  it("tries a failing carrier again, and takes a refusal for an answer", async () => {
    const asked: string[] = [];
    const mock = mockCarriers().get("mock");
    if (!mock) throw new Error("no mock carrier");
    const createLabel: typeof mock.createLabel = ({ reference }) => {
      const again = asked.includes(reference);
      asked.push(reference);
      return Promise.reject(again ? new CarrierRefusal("no such street") : new Error("timeout"));
    };
    const refusing = new Map([["mock", { ...mock, createLabel }]]);
    const { shipment_id } = await packed(nextOrder++);
    await start(refusing);
    const label = async () => {
      const { rows } = await sql<{
        label_status: string;
      }>`select label_status from shipments where id = ${shipment_id}`.execute(db);
      return rows[0]?.label_status;
    };
    await until("the refusal", async () => (await label()) === "failed", 30_000);
    const { rows } = await sql`select payload_json->>'error' as error from shipment_events
      where shipment_id = ${shipment_id} and event_type = 'LABEL_FAILED'`.execute(db);
    expect(rows).toEqual([{ error: "CarrierRefusal: no such street" }]);
    expect(asked.filter((reference) => reference === `wms-${shipment_id}`)).toHaveLength(2);
  });

  it("leaves a slow job to its living worker", async () => {
    const asked: string[] = [];
    const mock = mockCarriers().get("mock");
    if (!mock) throw new Error("no mock carrier");
    let answer = () => {};
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const createLabel: typeof mock.createLabel = async (request) => {
      asked.push(request.reference);
      await answered;
      return mock.createLabel(request);
    };
    const slow = new Map([["mock", { ...mock, createLabel }]]);
    const order_id = nextOrder++;
    const { shipment_id } = await packed(order_id);
    await start(slow);
    await start(slow);
    const calls = () => asked.filter((reference) => reference === `wms-${shipment_id}`).length;
    await until("the call", async () => calls() === 1);
    await sql`update graphile_worker._private_jobs set locked_at = now() - interval '1 minute'
      where key = ${`buy_label:${shipment_id}`}`.execute(db);
    await delay(6_000); // a sweep of each process has passed
    expect(calls()).toBe(1);
    answer();
    await until("the label", async () => (await orderStatus(order_id)) === "ready_for_shipment");
  });

  it("takes over the jobs of a process that died", async () => {
    const order_id = nextOrder++;
    const { shipment_id } = await packed(order_id);
    await sql`update graphile_worker._private_jobs set locked_by = 'worker-of-the-dead', locked_at = now() - interval '10 seconds'
      where key = ${`buy_label:${shipment_id}`}`.execute(db);
    await start();
    await until("the label", async () => (await orderStatus(order_id)) === "ready_for_shipment", 20_000);
  });

  it("does every job once when several processes share the work", async () => {
    const pools = [1, 2].map(() => createPool({ connectionString: test.url }));
    for (const pool of pools) {
      const other = createDatabase(pool);
      running.push(
        await startJobs({
          databaseUrl: test.url,
          db: other,
          carriers: mockCarriers(),
          channels: {},
          logger,
          trackingPollSeconds: 60,
        }),
      );
    }
    const orders = Array.from({ length: 5 }, () => nextOrder++);
    for (const order_id of orders) await packed(order_id);
    for (const order_id of orders)
      await until("all labels", async () => (await orderStatus(order_id)) === "ready_for_shipment", 20_000);
    const { rows } = await sql<{ count: bigint }>`
      select count(*) as count from shipment_events e join shipments s on s.id = e.shipment_id
      where e.event_type = 'LABEL_CREATED' and s.order_id = any(${orders}::bigint[])`.execute(db);
    expect(rows[0]?.count).toBe(5n);
    await Promise.all(running.splice(0).map((jobs) => jobs.stop()));
    await Promise.all(pools.map((pool) => pool.end()));
  });
});

describe("housekeeping", () => {
  it("deletes what is old enough, and nothing else", async () => {
    await sql`
      insert into processed_events (consumer, event_id, processed_at)
      values ('t', 'old', now() - interval '31 days'), ('t', 'young', now() - interval '29 days')`.execute(
      db,
    );
    await sql`
      insert into idempotency_keys (principal, request_id, method, body_hash, created_at)
      values ('p', gen_random_uuid(), 'old', '', now() - interval '8 days'), ('p', gen_random_uuid(), 'young', '', now())`.execute(
      db,
    );
    await sql`
      insert into outbox (stream, aggregatetype, aggregateid, sequence, type, payload, published_at)
      values ('s', 'a', 'old', 1, 't', '{}', now() - interval '8 days'), ('s', 'a', 'unpublished', 1, 't', '{}', null)`.execute(
      db,
    );
    const pruned = await prune(db);
    expect(pruned).toMatchObject({ processed_events: 1, idempotency_keys: 1 });
    const left = await sql`select event_id from processed_events where consumer = 't'`.execute(db);
    expect(left.rows).toEqual([{ event_id: "young" }]);
  });
});
