import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { sql } from "kysely";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { CarrierRefusal, type Carriers, CarrierUnavailable } from "../../src/carriers/carrier.ts";
import { createChannels } from "../../src/channels/registry.ts";
import { setChannel } from "../../src/db/channels.ts";
import { createDatabase, createPool, type Database } from "../../src/db/database.ts";
import { type Jobs, startJobs } from "../../src/jobs/jobs.ts";
import { openOutside } from "../../src/start/outside.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { createOutsideMetrics } from "../../src/telemetry/outside-metrics.ts";
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
const metrics = createOutsideMetrics(createMetrics().registry);
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
    channels: createChannels({ listingsUrl, outside: openOutside({ db, logger, metrics }).outside }),
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

/** Until somebody has looked for the jobs of dead workers: he frees the one that is given to such a worker here. */
async function swept(): Promise<void> {
  await sql`select graphile_worker.add_job('prune', '{}', job_key => 'decoy', run_at => now() + interval '1 day')`.execute(
    db,
  );
  await sql`update graphile_worker._private_jobs set locked_by = 'worker-of-the-dead', locked_at = now() - interval '10 seconds'
    where key = 'decoy'`.execute(db);
  await until(
    "a sweep has passed",
    async () => {
      const { rows } =
        await sql`select from graphile_worker.jobs where key = 'decoy' and locked_by is null`.execute(db);
      return rows.length === 1;
    },
    20_000,
  );
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
      return Promise.reject(again ? new CarrierRefusal("no such street") : new CarrierUnavailable("503"));
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
    const ours = asked.filter((reference) => reference.startsWith(`wms-${shipment_id}-`));
    expect([ours.length, new Set(ours).size]).toEqual([2, 1]);
  });

  it("tries a failing job again by pauses of ours, for weeks, and as the same job", async () => {
    const mock = mockCarriers().get("mock");
    if (!mock) throw new Error("no mock carrier");
    const createLabel = () => Promise.reject(new CarrierUnavailable("closed for today", 3_600));
    const { shipment_id } = await packed(nextOrder++);
    await sql`update graphile_worker._private_jobs set created_at = now() - interval '2 days'
      where key = ${`buy_label:${shipment_id}`}`.execute(db);
    await start(new Map([["mock", { ...mock, createLabel }]]));
    const job = await until("the pause", async () => {
      const { rows } = await sql<{
        max_attempts: number;
        attempts: number;
        seconds: number;
        last_error: string;
        days: number;
      }>`
        select max_attempts, attempts, extract(epoch from run_at - now())::float8 as seconds, last_error,
          extract(day from now() - created_at)::int as days
        from graphile_worker.jobs where key = ${`buy_label:${shipment_id}`} and locked_at is null`.execute(
        db,
      );
      return rows[0] && rows[0].seconds > 1_000 && rows[0];
    });
    expect(job).toMatchObject({ attempts: 1, max_attempts: 10_000, days: 2 });
    expect(job.last_error).toContain("closed for today");
    expect(job.seconds).toBeGreaterThan(3_500);
    expect(job.seconds).toBeLessThan(3_700);
  });

  it("forgets a job that failed after it was asked for again", async () => {
    const mock = mockCarriers().get("mock");
    if (!mock) throw new Error("no mock carrier");
    const { shipment_id } = await packed(nextOrder++);
    const key = `buy_label:${shipment_id}`;
    let calls = 0;
    const createLabel: typeof mock.createLabel = async (request) => {
      if (!request.reference.startsWith(`wms-${shipment_id}-`) || ++calls > 1)
        return mock.createLabel(request);
      const payload = JSON.stringify({ shipment_id: String(shipment_id) });
      await sql`select graphile_worker.add_job('buy_label', ${payload}::json, job_key => ${key})`.execute(db);
      throw new CarrierUnavailable("not now");
    };
    await start(new Map([["mock", { ...mock, createLabel }]]));
    await until("the label", async () => calls === 2, 20_000);
    await until("no job is left, dead or alive", async () => {
      const { rows } = await sql`select from graphile_worker._private_jobs
        where payload->>'shipment_id' = ${String(shipment_id)}`.execute(db);
      return rows.length === 0;
    });
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
    const calls = () => asked.filter((reference) => reference.startsWith(`wms-${shipment_id}-`)).length;
    await until("the call", async () => calls() === 1);
    await sql`update graphile_worker._private_jobs set locked_at = now() - interval '1 minute'
      where key = ${`buy_label:${shipment_id}`}`.execute(db);
    await swept();
    await swept(); // by each of the processes, or twice by one
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
    const pruned = await prune(db);
    expect(pruned).toMatchObject({ processed_events: 1, idempotency_keys: 1 });
    const left = await sql`select event_id from processed_events where consumer = 't'`.execute(db);
    expect(left.rows).toEqual([{ event_id: "young" }]);
  });
});
