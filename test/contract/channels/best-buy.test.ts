import { Logger, runTaskListOnce } from "graphile-worker";
import { sql } from "kysely";
import pg from "pg";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createChannels, readChannelSettings } from "../../../src/channels/registry.ts";
import { insertApiCall, listApiCalls } from "../../../src/db/api-calls.ts";
import type { Database } from "../../../src/db/database.ts";
import { shipmentView } from "../../../src/db/shipment-views.ts";
import { createTasks } from "../../../src/jobs/tasks.ts";
import { createOutside } from "../../../src/outside/outside-client.ts";
import { listAlerts } from "../../../src/use-cases/maintenance/alerts.ts";
import { reportHost } from "../../../src/use-cases/maintenance/report-host.ts";
import { shipPackingTask } from "../../../src/use-cases/packing/ship-packing-task.ts";
import { assignTracking } from "../../../src/use-cases/shipping/assign-tracking.ts";
import { cancelShipment } from "../../../src/use-cases/shipping/cancel-shipment.ts";
import { createShipment } from "../../../src/use-cases/shipping/create-shipment.ts";
import {
  MIRAKL_KEY,
  MIRAKL_SHOP,
  type MiraklHost,
  startMiraklHost,
} from "../../support/channel-hosts/mirakl.ts";
import { type TestDatabase, testDatabase } from "../../support/database.ts";
import {
  BOX,
  mockCarriers,
  OPERATOR,
  packWhole,
  pickedOrder,
  readyParcel,
  shippedParcel,
} from "../../support/parcels.ts";
import { freshCall, makeListings, makeWarehouses, place, type TestWarehouse } from "../../support/world.ts";

const HOUR_MS = 3_600_000;
const QUIET = new Logger(() => () => {});
const logger = pino({ level: "silent" });

let base: TestDatabase;
let db: Database;
let queue: pg.Pool;
let host: MiraklHost;
let warehouse: TestWarehouse;
/** How far the test's clock is ahead. */
let ahead: number;

beforeEach(async () => {
  base = await testDatabase();
  db = base.db;
  queue = new pg.Pool({ connectionString: base.url });
  host = await startMiraklHost();
  ahead = 0;
  [warehouse] = (await makeWarehouses(db)) as [TestWarehouse];
  await makeListings(db, [1n, 2n]);
  await place(db, warehouse, 1n, 1_000);
  await place(db, warehouse, 2n, 1_000);
});
afterEach(async () => {
  expect(host.violations).toEqual([]);
  await host.close();
  await queue.end();
  await base.close();
});

function connect(settings: Record<string, unknown> = {}) {
  const given = {
    best_buy: {
      baseUrl: host.url,
      apiKey: MIRAKL_KEY,
      shopId: MIRAKL_SHOP,
      carrierCodes: { mock: "CPCL" },
      ...settings,
    },
  };
  const outside = createOutside(
    {
      record: (call) => insertApiCall(db, call),
      breakerChanged: (change) => void reportHost(db, change, new Date(Date.now() + ahead)),
    },
    { restMs: 5, longestRestMs: 5 },
  );
  const channels = createChannels({ marketplaces: readChannelSettings(given), outside });
  return createTasks({ db, logger, channels, carriers: mockCarriers(), trackingPollSeconds: 60 });
}

/** Does the jobs of this name that are due. */
async function work(tasks = connect(), name = "report_parcels"): Promise<void> {
  const client = await queue.connect();
  try {
    await runTaskListOnce({ logger: QUIET }, { [name]: tasks[name]! }, client);
  } finally {
    client.release();
  }
}

async function poll(tasks = connect()): Promise<void> {
  await sql`update channel_polls set begun_at = begun_at - interval '1 day'`.execute(db);
  await sql`select graphile_worker.add_job('poll_channels')`.execute(db);
  await work(tasks, "poll_channels");
}

/** Whatever failed is due again. */
async function makeDue(): Promise<void> {
  await sql`update graphile_worker._private_jobs set run_at = now() - interval '1 second'`.execute(db);
}

async function ordersTaken() {
  const { rows } = await sql<{ id: string; order_id: bigint; status: string; items: string }>`
    select c.channel_order_id as id, o.order_id, o.status,
      (select string_agg(listing_id || 'x' || quantity, ',' order by line_number) from order_items i
       where i.order_id = o.order_id) as items
    from channel_orders c join orders o on o.order_id = c.order_id order by c.channel_order_id`.execute(db);
  return rows;
}

async function ourId(id: string): Promise<bigint> {
  const found = (await ordersTaken()).find((row) => row.id === id);
  if (!found) throw new Error(`${id} was not taken`);
  return found.order_id;
}

/** An order that Best Buy's customer has paid, taken in here. */
async function soldOrder(id: string, lines = [{ sku: "SKU-1", quantity: 2 }]): Promise<bigint> {
  host.sell(id, lines, "SHIPPING");
  await poll();
  return ourId(id);
}

const ONE = [{ listing_id: 1n, quantity: 2 }];
const alerts = async () => (await listAlerts({ db })).map(({ name }) => name);
const syncOf = async (id: bigint) => (await shipmentView(db, id)).channel_sync_status;
const puts = () =>
  host.seen.filter(({ request }) => request.method === "PUT").map(({ operation }) => operation);

describe("orders of Best Buy", () => {
  it("are accepted, paid for, and then enter like any confirmed order", async () => {
    host.sell("BB-1-A", [
      { sku: "SKU-1", quantity: 2 },
      { sku: "SKU-2", quantity: 1 },
    ]);
    await poll();
    expect(host.orders.get("BB-1-A")?.order_state).toBe("WAITING_DEBIT_PAYMENT");
    expect(await ordersTaken()).toEqual([]);
    await poll();
    expect(await ordersTaken()).toEqual([]);
    host.change("BB-1-A", { order_state: "SHIPPING" });
    await poll();
    await poll();
    expect(await ordersTaken()).toMatchObject([{ id: "BB-1-A", status: "processing", items: "1x2,2x1" }]);
    const { rows } = await sql`
      select order_number, ship_to, storefront_id from orders where order_id = ${await ourId("BB-1-A")}`.execute(
      db,
    );
    expect(rows).toEqual([
      {
        order_number: "BB-1-A",
        storefront_id: 0n,
        ship_to: {
          contact_name: "Anne Tremblay",
          street: "2 Test St",
          street2: "Apt 5",
          city: "Toronto",
          state: "ON",
          postal_code: "M5V 2T6",
          country: "CA",
          phone: "4165550100",
          email: "buyer-BB-1-A@notification.example",
        },
      },
    ]);
    expect(puts()).toEqual(["accept_order"]);
  });

  it("wait for somebody's yes there, when they are not to be accepted by themselves", async () => {
    host.sell("BB-1", [{ sku: "SKU-1", quantity: 1 }]);
    const tasks = connect({ acceptOrders: false });
    await poll(tasks);
    expect(puts()).toEqual([]);
    host.change("BB-1", { order_state: "SHIPPING" });
    await poll(tasks);
    expect(await ordersTaken()).toMatchObject([{ id: "BB-1" }]);
  });

  it("with goods that nobody knows are neither accepted nor lost: they come in once the listing is there", async () => {
    host.sell("BB-1", [{ sku: "SKU-3", quantity: 1 }]);
    host.sell(
      "BB-2",
      [
        { sku: "SKU-1", quantity: 1 },
        { sku: "SKU-3", quantity: 1 },
      ],
      "SHIPPING",
    );
    host.sell("BB-3", [{ sku: "SKU-1", quantity: 1 }], "SHIPPING");
    for (let nth = 0; nth < 3; nth++) await poll();
    expect(puts()).toEqual([]);
    expect((await ordersTaken()).map((row) => row.id)).toEqual(["BB-3"]);
    expect(await alerts()).toEqual(["channel_order_stuck", "channel_order_stuck"]);
    await makeListings(db, [3n]);
    await poll();
    host.change("BB-1", { order_state: "SHIPPING" });
    await poll();
    expect((await ordersTaken()).map((row) => row.id)).toEqual(["BB-1", "BB-2", "BB-3"]);
    expect(await alerts()).toEqual([]);
  });

  it("are cancelled here when they are cancelled there, whole or by the line", async () => {
    const both = [
      { sku: "SKU-1", quantity: 2 },
      { sku: "SKU-2", quantity: 1 },
    ];
    host.sell("BB-1", both, "SHIPPING");
    host.sell("BB-2", both, "SHIPPING");
    host.sell("BB-3", both, "CANCELED");
    await poll();
    host.change("BB-1", { order_state: "CANCELED" });
    host.cancelLine("BB-2", "BB-2-1");
    for (let nth = 0; nth < 2; nth++) await poll();
    expect((await ordersTaken()).map(({ id, status }) => [id, status])).toEqual([
      ["BB-1", "cancelled"],
      ["BB-2", "processing"],
    ]);
    const { rows } = await sql`select listing_id, cancelled_quantity from order_items
      where order_id = ${await ourId("BB-2")} order by line_number`.execute(db);
    expect(rows).toEqual([
      { listing_id: 1n, cancelled_quantity: 2 },
      { listing_id: 2n, cancelled_quantity: 0 },
    ]);
  });

  it("come by the hundred, page by page, each once", async () => {
    for (let nth = 100; nth < 350; nth++) host.sell(`BB-${nth}`, [{ sku: "SKU-1", quantity: 1 }], "SHIPPING");
    await poll();
    expect(await ordersTaken()).toHaveLength(250);
    expect(host.calls("list_orders")).toBe(3);
    await poll();
    expect(await ordersTaken()).toHaveLength(250);
  });

  it("that make no sense keep no other out", async () => {
    host.sell("BB-1", [{ sku: "SKU-1", quantity: 0 }], "SHIPPING");
    host.sell("BB-2", [{ sku: "SKU-1", quantity: 1 }], "SHIPPING");
    await poll();
    expect((await ordersTaken()).map((row) => row.id)).toEqual(["BB-2"]);
    expect(await alerts()).toEqual(["channel_order_stuck"]);
  });

  it("are not looked at again before it is time to, by any process", async () => {
    await poll();
    const before = host.calls("list_orders");
    for (const tasks of [connect(), connect()]) {
      await sql`select graphile_worker.add_job('poll_channels')`.execute(db);
      await work(tasks, "poll_channels");
    }
    expect(host.calls("list_orders")).toBe(before);
  });
});

describe("parcels for Best Buy's customers", () => {
  it("are told with their number when it is there, and as shipped when they leave", async () => {
    const order_id = await soldOrder("BB-1");
    const { shipment_id, task_id } = await readyParcel(db, order_id, ONE);
    await work();
    const { tracking_number } = await shipmentView(db, shipment_id);
    expect(host.orders.get("BB-1")).toMatchObject({
      order_state: "SHIPPING",
      tracking: { carrier_code: "CPCL", tracking_number },
    });
    expect(await syncOf(shipment_id)).toBe("pending");
    await shipPackingTask(db, freshCall(), { task_id, actor: OPERATOR });
    await work();
    expect(host.orders.get("BB-1")).toMatchObject({ order_state: "SHIPPED", notified: [tracking_number] });
    expect(await syncOf(shipment_id)).toBe("tracking_updated");
    expect(puts()).toEqual(["update_tracking", "ship_order"]);
    const calls = await listApiCalls(db, { service: "best_buy" } as never, { size: 50, after: 0n });
    expect(
      calls.filter((call) => call.related_id === `order:${order_id}`).map((call) => call.endpoint),
    ).toEqual(["ship_order", "update_tracking"]);
    expect(
      JSON.stringify(calls, (_, value) => (typeof value === "bigint" ? String(value) : value)),
    ).not.toMatch(new RegExp(`${MIRAKL_KEY}|Tremblay|2 Test St|4165550100`));
  });

  it("carry the carrier's code of Best Buy's list, read once a day, or its name and address", async () => {
    const tasks = connect({ carrierCodes: {} });
    await sql`insert into carriers (code, name) values ('canada_post', 'Canada Post'), ('fedex', 'FedEx')`.execute(
      db,
    );
    for (const [id, carrier_code] of [
      ["BB-1", "canada_post"],
      ["BB-2", "fedex"],
    ] as const) {
      const order_id = await soldOrder(id);
      const task = await packWhole(db, await pickedOrder(db, order_id, ONE));
      await assignTracking(db, freshCall(), {
        shipment_id: task.shipment_id as bigint,
        carrier_code,
        tracking_number: `NO ${id}`,
      });
      await work(tasks);
    }
    expect([...host.orders.values()].map(({ tracking, order_state }) => [tracking, order_state])).toEqual([
      [{ carrier_code: "CPCL", tracking_number: "NO BB-1" }, "SHIPPED"],
      [
        {
          carrier_name: "FedEx",
          carrier_url: "https://www.fedex.com/fedextrack/?trknbr=NO%20BB-2",
          tracking_number: "NO BB-2",
        },
        "SHIPPED",
      ],
    ]);
    expect(host.calls("list_carriers")).toBe(1);
  });

  it("of one order go together: Best Buy hears that it is shipped when the last has left", async () => {
    const order_id = await soldOrder("BB-1");
    const { shipment_id } = await readyParcel(db, order_id, ONE);
    await cancelShipment(db, freshCall(), { shipment_id, reason: "two boxes are better" });
    const items = [
      { field: "items[0]", order_item_id: undefined, listing_id: 1n as bigint | undefined, quantity: 1 },
    ];
    const half = { order_id, service: "", items, packages: [{ ...BOX, barcode: null }] };
    const shipments = [
      await createShipment(db, freshCall(), half),
      await createShipment(db, freshCall(), half),
    ];
    for (const [index, { id }] of shipments.entries()) {
      expect(host.calls("ship_order")).toBe(0);
      const number = { carrier_code: "mock", tracking_number: `NO-${index}` };
      await assignTracking(db, freshCall(), { shipment_id: id, ...number });
      await work();
    }
    expect(puts()).toEqual(["update_tracking", "update_tracking", "ship_order"]);
    expect(await Promise.all(shipments.map(({ id }) => syncOf(id)))).toEqual([
      "tracking_updated",
      "tracking_updated",
    ]);
  });

  it.each([
    ["before", "cut"],
    ["after", "cut"],
    ["before", 503],
    ["after", 503],
    ["before", 429],
    ["after", 500],
  ] as const)("are told once, also when an answer is lost (%s, %s)", async (when, what) => {
    const { shipment_id } = await shippedParcel(db, await soldOrder("BB-1"), ONE);
    const fault =
      what === "cut" ? ({ kind: "cut", when } as const) : ({ kind: "status", when, status: what } as const);
    host.faults.plan(fault, { operation: "ship_order" });
    const tasks = connect();
    await work(tasks);
    expect(await syncOf(shipment_id)).toBe("pending");
    await makeDue();
    await work(tasks);
    expect(await syncOf(shipment_id)).toBe("tracking_updated");
    expect(host.orders.get("BB-1")?.notified).toHaveLength(1);
    expect(host.calls("update_tracking")).toBe(1);
    expect(host.calls("ship_order")).toBe(when === "after" ? 1 : 2);
    expect(await alerts()).toEqual([]);
  });

  it("that somebody has confirmed there by hand are done", async () => {
    const { shipment_id } = await shippedParcel(db, await soldOrder("BB-1"), ONE);
    host.change("BB-1", { order_state: "SHIPPED" });
    await work();
    expect(await syncOf(shipment_id)).toBe("tracking_updated");
  });

  it("that Best Buy refuses are failed, with an alert, until their number changes", async () => {
    const order_id = await soldOrder("BB-1");
    const { shipment_id } = await readyParcel(db, order_id, ONE);
    host.faults.plan({ kind: "status", when: "before", status: 400 }, { operation: "update_tracking" });
    await work();
    expect(await syncOf(shipment_id)).toBe("failed");
    expect(await alerts()).toEqual(["channel_sync_failed"]);
    const again = { shipment_id, carrier_code: "mock", tracking_number: "ANOTHER-1" };
    await assignTracking(db, freshCall(), again);
    await work();
    expect(await syncOf(shipment_id)).toBe("tracking_updated");
    expect(host.orders.get("BB-1")?.notified).toEqual(["ANOTHER-1"]);
    expect(await alerts()).toEqual([]);
  });

  it("of an order that is gone there are failed", async () => {
    const order_id = await soldOrder("BB-1");
    const { shipment_id } = await shippedParcel(db, order_id, ONE);
    host.change("BB-1", { order_state: "CANCELED" });
    await work();
    expect(await syncOf(shipment_id)).toBe("failed");
  });

  it("wait while our key is not taken, which one alert tells", async () => {
    const parcels = [];
    for (const id of ["BB-1", "BB-2", "BB-3"])
      parcels.push(await shippedParcel(db, await soldOrder(id), ONE));
    const locked = connect({ apiKey: "a key that was replaced" });
    await poll(locked);
    await work(locked);
    expect(await alerts()).toEqual(["channel_denied"]);
    await makeDue();
    await work();
    for (const { shipment_id } of parcels) expect(await syncOf(shipment_id)).toBe("tracking_updated");
    expect(await alerts()).toEqual([]);
  });
});

describe("Best Buy down for a day", () => {
  it("holds up no label, loses nothing, is told by one alert, and hears everything in order when it is back", async () => {
    const ids = Array.from({ length: 12 }, (_, nth) => `BB-${nth + 10}`);
    const orders = [];
    for (const id of ids) host.sell(id, [{ sku: "SKU-1", quantity: 2 }], "SHIPPING");
    await poll();
    for (const id of ids) orders.push(await ourId(id));
    const tasks = connect();
    const before = host.seen.length;
    const shipments: bigint[] = [];
    host.faults.plan({ kind: "status", when: "before", status: 503 }, { times: 1_000_000 });
    const told = new Set<string>();
    for (const order_id of orders) {
      // Every other hour an order is labelled and leaves, as if nothing was.
      const parcel = await shippedParcel(db, order_id, ONE);
      expect((await shipmentView(db, parcel.shipment_id)).label_status).toBe("created");
      shipments.push(parcel.shipment_id);
      await makeDue();
      await work(tasks);
      await poll(tasks);
      ahead += 2 * HOUR_MS;
      await sql`update graphile_worker._private_jobs set created_at = created_at - interval '2 hours'`.execute(
        db,
      );
      for (const { name, labels } of await listAlerts({ db })) told.add(`${name} ${labels["service"]}`);
    }
    expect([...told]).toEqual(["outside_host_down best_buy"]);
    expect(await alerts()).toEqual(["outside_host_down"]);
    const { rows } = await sql<{ jobs: number }>`
      select count(*)::int as jobs from graphile_worker.jobs where task_identifier = 'report_parcels'`.execute(
      db,
    );
    expect(rows).toEqual([{ jobs: 12 }]);
    host.sell("BB-99", [{ sku: "SKU-1", quantity: 1 }], "SHIPPING");
    const down = host.seen.length;
    host.faults.clear();
    for (let round = 0; round < 3; round++) {
      await new Promise((resolve) => setTimeout(resolve, 20)); // the breaker's rest
      await makeDue();
      await work(tasks);
    }
    await poll(tasks);
    expect(down).toBeGreaterThan(before);
    for (const id of shipments) expect(await syncOf(id)).toBe("tracking_updated");
    for (const id of ids) {
      const heard = host.seen
        .slice(down)
        .filter(({ request }) => request.method === "PUT" && request.params["id"] === id)
        .map(({ operation }) => operation);
      expect(heard).toEqual(["update_tracking", "ship_order"]);
      expect(host.orders.get(id)?.notified).toEqual([expect.any(String)]);
    }
    expect((await ordersTaken()).map((row) => row.id)).toContain("BB-99");
    expect(await alerts()).toEqual([]);
  });
});
