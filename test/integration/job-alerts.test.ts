import { Logger, runTaskListOnce, type TaskList } from "graphile-worker";
import { sql } from "kysely";
import pg from "pg";
import { pino } from "pino";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ChannelError } from "../../src/channels/channel.ts";
import { addJob } from "../../src/db/jobs.ts";
import { inTransaction } from "../../src/db/transaction.ts";
import { createTasks } from "../../src/jobs/tasks.ts";
import { listAlerts } from "../../src/use-cases/maintenance/alerts.ts";
import { takeOrderEvents } from "../../src/use-cases/orders/take-order-events.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { mockCarriers, shippedParcel } from "../support/parcels.ts";
import { confirmed, makeListings, makeWarehouses, place, type TestWarehouse } from "../support/world.ts";

const QUIET = new Logger(() => () => {});

let base: TestDatabase;
let queue: pg.Pool;
/** How the outside answers; undefined: well. */
let trouble: Error | undefined;
let tasks: TaskList;

beforeEach(async () => {
  base = await testDatabase();
  queue = new pg.Pool({ connectionString: base.url });
  trouble = undefined;
  const [warehouse] = (await makeWarehouses(base.db)) as [TestWarehouse];
  await makeListings(base.db, [1n]);
  await place(base.db, warehouse, 1n, 100);
  const answer = async () => {
    if (trouble) throw trouble;
  };
  const listings = { code: "listings", updateOrderStatus: answer, getOrder: async () => undefined };
  const mock = mockCarriers().get("mock")!;
  const deaf = { ...mock, track: () => answer().then(() => []) };
  tasks = createTasks({
    db: base.db,
    logger: pino({ level: "silent" }),
    carriers: new Map([["mock", deaf]]),
    channels: { listings },
    trackingPollSeconds: 60,
  });
});
afterEach(async () => {
  await queue.end();
  await base.close();
});

async function run(name: "report_order_status" | "poll_tracking", payload: object): Promise<void> {
  await inTransaction(base.db, (trx) => addJob(trx, name as "report_order_status", payload as never));
  const client = await queue.connect();
  try {
    await runTaskListOnce({ logger: QUIET }, { [name]: tasks[name]! }, client);
  } finally {
    client.release();
  }
}

const alerts = async () =>
  (await listAlerts({ db: base.db })).map(({ name, labels, summary }) => [name, labels, summary]);

it("tells of an order whose status the channel refuses, until it takes one", async () => {
  await takeOrderEvents(base.db, [confirmed(7n, [{ listing_id: 1n, quantity: 1 }])]);
  trouble = new ChannelError("unknown order", false);
  for (const _ of [1, 2]) await run("report_order_status", { order_id: "7" });
  expect(await alerts()).toEqual([
    [
      "order_status_refused",
      { key: "7", order_id: "7" },
      "the Listings service refused the status of order 7 (unknown order)",
    ],
  ]);
  trouble = undefined;
  await run("report_order_status", { order_id: "7" });
  expect(await alerts()).toEqual([]);
});

it("tells of credentials that the channel refuses, once for all orders, and keeps what it was to be told", async () => {
  const orders = [7n, 8n].map((order_id) => confirmed(order_id, [{ listing_id: 1n, quantity: 1 }]));
  await takeOrderEvents(base.db, orders);
  trouble = new ChannelError("the Listings service answered update_order_status with 401", true, {
    denied: true,
  });
  for (const order_id of ["7", "8"]) await run("report_order_status", { order_id });
  expect((await alerts()).map(([name, labels]) => [name, labels])).toEqual([
    ["channel_denied", { key: "listings", channel: "listings" }],
  ]);
  trouble = undefined;
  await sql`update graphile_worker._private_jobs set run_at = now()`.execute(base.db);
  await run("report_order_status", { order_id: "7" });
  expect(await alerts()).toEqual([]);
});

it("tells of a carrier that can't be asked about its parcels, until it can", async () => {
  await shippedParcel(base.db, 7n, [{ listing_id: 1n, quantity: 1 }]);
  trouble = new Error("wrong password");
  await run("poll_tracking", {});
  expect(await alerts()).toEqual([
    [
      "tracking_poll_failed",
      { key: "mock", carrier_code: "mock" },
      "mock could not be asked about its parcels (wrong password)",
    ],
  ]);
  trouble = undefined;
  await run("poll_tracking", {}); // nothing is due, so that nothing is known
  expect(await alerts()).toHaveLength(1);
  await sql`update shipments set next_poll_at = now()`.execute(base.db);
  await sql`update carrier_polling set paused_until = now()`.execute(base.db);
  await run("poll_tracking", {});
  expect(await alerts()).toEqual([]);
});
