import { Logger, runTaskListOnce } from "graphile-worker";
import { sql } from "kysely";
import pg from "pg";
import { pino } from "pino";
import { afterEach, beforeEach, expect } from "vitest";
import { createChannels, readChannelSettings } from "../../src/channels/registry.ts";
import { insertApiCall } from "../../src/db/api-calls.ts";
import type { Database } from "../../src/db/database.ts";
import { shipmentView } from "../../src/db/shipment-views.ts";
import { createTasks } from "../../src/jobs/tasks.ts";
import { createOutside } from "../../src/outside/outside-client.ts";
import { listAlerts } from "../../src/use-cases/maintenance/alerts.ts";
import { reportHost } from "../../src/use-cases/maintenance/report-host.ts";
import { MIRAKL_KEY, MIRAKL_SHOP, type MiraklHost, startMiraklHost } from "./channel-hosts/mirakl.ts";
import { type TestDatabase, testDatabase } from "./database.ts";
import { mockCarriers } from "./parcels.ts";
import { makeListings, makeWarehouses, place, type TestWarehouse } from "./world.ts";

const QUIET = new Logger(() => () => {});
const logger = pino({ level: "silent" });

/** A warehouse with stock of two listings, and Best Buy's marketplace; new for each test of the file. */
export class BestBuyWorld {
  #base!: TestDatabase;
  #queue!: pg.Pool;
  host!: MiraklHost;
  /** How far the test's clock is ahead, in milliseconds. */
  ahead = 0;

  constructor() {
    beforeEach(() => this.#open());
    afterEach(() => this.#close());
  }

  get db(): Database {
    return this.#base.db;
  }

  get databaseUrl(): string {
    return this.#base.url;
  }

  async #open(): Promise<void> {
    this.#base = await testDatabase();
    this.#queue = new pg.Pool({ connectionString: this.#base.url });
    // A line that is being closed when the database goes is nobody's concern.
    this.#queue.on("connect", (client) => client.on("error", () => {}));
    this.host = await startMiraklHost();
    this.ahead = 0;
    const [warehouse] = (await makeWarehouses(this.db)) as [TestWarehouse];
    await makeListings(this.db, [1n, 2n]);
    await place(this.db, warehouse, 1n, 1_000);
    await place(this.db, warehouse, 2n, 1_000);
  }

  async #close(): Promise<void> {
    expect(this.host.violations).toEqual([]);
    await this.host.close();
    await this.#queue.end();
    await this.#base.close();
  }

  connect(settings: Record<string, unknown> = {}) {
    const { db } = this;
    const account = { apiKey: MIRAKL_KEY, shopId: MIRAKL_SHOP, carrierCodes: { mock: "CPCL" } };
    const given = { best_buy: { baseUrl: this.host.url, ...account, ...settings } };
    const outside = createOutside(
      {
        record: (call) => insertApiCall(db, call),
        breakerChanged: (change) => void reportHost(db, change, new Date(Date.now() + this.ahead)),
      },
      { restMs: 5, longestRestMs: 5 },
    );
    const channels = createChannels({ marketplaces: readChannelSettings(given), outside });
    return createTasks({ db, logger, channels, carriers: mockCarriers(), trackingPollSeconds: 60 });
  }

  /** Does the jobs of this name that are due. */
  async work(tasks = this.connect(), name = "report_parcels"): Promise<void> {
    const client = await this.#queue.connect();
    try {
      await runTaskListOnce({ logger: QUIET }, { [name]: tasks[name]! }, client);
    } finally {
      client.release();
    }
  }

  async poll(tasks = this.connect()): Promise<void> {
    await sql`update channel_polls set begun_at = begun_at - interval '1 day'`.execute(this.db);
    await sql`select graphile_worker.add_job('poll_channels')`.execute(this.db);
    await this.work(tasks, "poll_channels");
  }

  /** Whatever failed is due again. */
  async makeDue(): Promise<void> {
    await sql`update graphile_worker._private_jobs set run_at = now() - interval '1 second'`.execute(this.db);
  }

  async ordersTaken() {
    const { rows } = await sql<{ id: string; order_id: bigint; status: string; items: string }>`
      select c.channel_order_id as id, o.order_id, o.status,
        (select string_agg(listing_id || 'x' || quantity, ',' order by line_number) from order_items i
         where i.order_id = o.order_id) as items
      from channel_orders c join orders o on o.order_id = c.order_id order by c.channel_order_id`.execute(
      this.db,
    );
    return rows;
  }

  async ourId(id: string): Promise<bigint> {
    const found = (await this.ordersTaken()).find((row) => row.id === id);
    if (!found) throw new Error(`${id} was not taken`);
    return found.order_id;
  }

  /** An order that Best Buy's customer has paid, taken in here. */
  async soldOrder(id: string, lines = [{ sku: "SKU-1", quantity: 2 }]): Promise<bigint> {
    this.host.sell(id, lines, "SHIPPING");
    await this.poll();
    return this.ourId(id);
  }

  async alerts(): Promise<string[]> {
    return (await listAlerts({ db: this.db })).map(({ name }) => name);
  }

  async syncOf(shipment_id: bigint): Promise<string> {
    return (await shipmentView(this.db, shipment_id)).channel_sync_status;
  }

  /** What the jobs of this name are about. */
  async jobsOf(task: string): Promise<unknown[]> {
    const { rows } = await sql<{ payload: unknown }>`
      select payload from graphile_worker._private_jobs j join graphile_worker._private_tasks t on t.id = j.task_id
      where t.identifier = ${task} order by j.id`.execute(this.db);
    return rows.map(({ payload }) => payload);
  }

  /** What Best Buy was told, in order. */
  puts(): string[] {
    const told = this.host.seen.filter(({ request }) => request.method === "PUT");
    return told.map(({ operation }) => operation);
  }
}
