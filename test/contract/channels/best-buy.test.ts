import { sql } from "kysely";
import { describe, expect, it } from "vitest";
import { listApiCalls } from "../../../src/db/api-calls.ts";
import { shipmentView } from "../../../src/db/shipment-views.ts";
import { listAlerts } from "../../../src/use-cases/maintenance/alerts.ts";
import { shipPackingTask } from "../../../src/use-cases/packing/ship-packing-task.ts";
import { assignTracking } from "../../../src/use-cases/shipping/assign-tracking.ts";
import { cancelShipment } from "../../../src/use-cases/shipping/cancel-shipment.ts";
import { createShipment } from "../../../src/use-cases/shipping/create-shipment.ts";
import { BestBuyWorld } from "../../support/best-buy-world.ts";
import { MIRAKL_KEY } from "../../support/channel-hosts/mirakl.ts";
import { BOX, OPERATOR, packWhole, pickedOrder, readyParcel, shippedParcel } from "../../support/parcels.ts";
import { freshCall, makeListings } from "../../support/world.ts";

const HOUR_MS = 3_600_000;

const ONE = [{ listing_id: 1n, quantity: 2 }];

const world = new BestBuyWorld();

describe("orders of Best Buy", () => {
  it("are accepted, paid for, and then enter like any confirmed order", async () => {
    world.host.sell("BB-1-A", [
      { sku: "SKU-1", quantity: 2 },
      { sku: "SKU-2", quantity: 1 },
    ]);
    await world.poll();
    expect(world.host.orders.get("BB-1-A")?.order_state).toBe("WAITING_DEBIT_PAYMENT");
    expect(await world.ordersTaken()).toEqual([]);
    await world.poll();
    expect(await world.ordersTaken()).toEqual([]);
    world.host.change("BB-1-A", { order_state: "SHIPPING" });
    await world.poll();
    await world.poll();
    expect(await world.ordersTaken()).toMatchObject([
      { id: "BB-1-A", status: "processing", items: "1x2,2x1" },
    ]);
    const { rows } = await sql`
      select order_number, ship_to, storefront_id from orders where order_id = ${await world.ourId("BB-1-A")}`.execute(
      world.db,
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
    expect(world.puts()).toEqual(["accept_order"]);
  });

  it("wait for somebody's yes there, when they are not to be accepted by themselves", async () => {
    world.host.sell("BB-1", [{ sku: "SKU-1", quantity: 1 }]);
    const tasks = world.connect({ acceptOrders: false });
    await world.poll(tasks);
    expect(world.puts()).toEqual([]);
    world.host.change("BB-1", { order_state: "SHIPPING" });
    await world.poll(tasks);
    expect(await world.ordersTaken()).toMatchObject([{ id: "BB-1" }]);
  });

  it("with goods that nobody knows are neither accepted nor lost: they come in once the listing is there", async () => {
    world.host.sell("BB-1", [{ sku: "SKU-3", quantity: 1 }]);
    world.host.sell(
      "BB-2",
      [
        { sku: "SKU-1", quantity: 1 },
        { sku: "SKU-3", quantity: 1 },
      ],
      "SHIPPING",
    );
    world.host.sell("BB-3", [{ sku: "SKU-1", quantity: 1 }], "SHIPPING");
    for (let nth = 0; nth < 3; nth++) await world.poll();
    expect(world.puts()).toEqual([]);
    expect((await world.ordersTaken()).map((row) => row.id)).toEqual(["BB-3"]);
    expect(await world.alerts()).toEqual(["channel_order_stuck", "channel_order_stuck"]);
    await makeListings(world.db, [3n]);
    await world.poll();
    world.host.change("BB-1", { order_state: "SHIPPING" });
    await world.poll();
    expect((await world.ordersTaken()).map((row) => row.id)).toEqual(["BB-1", "BB-2", "BB-3"]);
    expect(await world.alerts()).toEqual([]);
  });

  it("are cancelled here when they are cancelled there, whole or by the line", async () => {
    const both = [
      { sku: "SKU-1", quantity: 2 },
      { sku: "SKU-2", quantity: 1 },
    ];
    world.host.sell("BB-1", both, "SHIPPING");
    world.host.sell("BB-2", both, "SHIPPING");
    world.host.sell("BB-3", both, "CANCELED");
    await world.poll();
    world.host.change("BB-1", { order_state: "CANCELED" });
    world.host.changeLine("BB-2-1", { order_line_state: "CANCELED" });
    for (let nth = 0; nth < 2; nth++) await world.poll();
    expect((await world.ordersTaken()).map(({ id, status }) => [id, status])).toEqual([
      ["BB-1", "cancelled"],
      ["BB-2", "processing"],
    ]);
    const { rows } = await sql`select listing_id, cancelled_quantity from order_items
      where order_id = ${await world.ourId("BB-2")} order by line_number`.execute(world.db);
    expect(rows).toEqual([
      { listing_id: 1n, cancelled_quantity: 2 },
      { listing_id: 2n, cancelled_quantity: 0 },
    ]);
  });

  it("come by the hundred, page by page, each once", async () => {
    for (let nth = 100; nth < 350; nth++)
      world.host.sell(`BB-${nth}`, [{ sku: "SKU-1", quantity: 1 }], "SHIPPING");
    await world.poll();
    expect(await world.ordersTaken()).toHaveLength(250);
    expect(world.host.calls("list_orders")).toBe(3);
    await world.poll();
    expect(await world.ordersTaken()).toHaveLength(250);
  });

  it("that make no sense keep no other out", async () => {
    world.host.sell("BB-1", [{ sku: "SKU-1", quantity: 0 }], "SHIPPING");
    world.host.sell("BB-2", [{ sku: "SKU-1", quantity: 1 }], "SHIPPING");
    await world.poll();
    expect((await world.ordersTaken()).map((row) => row.id)).toEqual(["BB-2"]);
    expect(await world.alerts()).toEqual(["channel_order_stuck"]);
  });

  it("are not looked at again before it is time to, by any process", async () => {
    await world.poll();
    const before = world.host.calls("list_orders");
    for (const tasks of [world.connect(), world.connect()]) {
      await sql`select graphile_worker.add_job('poll_channels')`.execute(world.db);
      await world.work(tasks, "poll_channels");
    }
    expect(world.host.calls("list_orders")).toBe(before);
  });
});

describe("parcels for Best Buy's customers", () => {
  it("are told with their number when it is there, and as shipped when they leave", async () => {
    const order_id = await world.soldOrder("BB-1");
    const { shipment_id, task_id } = await readyParcel(world.db, order_id, ONE);
    await world.work();
    const { tracking_number } = await shipmentView(world.db, shipment_id);
    expect(world.host.orders.get("BB-1")).toMatchObject({
      order_state: "SHIPPING",
      tracking: { carrier_code: "CPCL", tracking_number },
    });
    expect(await world.syncOf(shipment_id)).toBe("pending");
    await shipPackingTask(world.db, freshCall(), { task_id, actor: OPERATOR });
    await world.work();
    expect(world.host.orders.get("BB-1")).toMatchObject({
      order_state: "SHIPPED",
      notified: [tracking_number],
    });
    expect(await world.syncOf(shipment_id)).toBe("tracking_updated");
    expect(world.puts()).toEqual(["update_tracking", "ship_order"]);
    const calls = await listApiCalls(world.db, { service: "best_buy" } as never, { size: 50, after: 0n });
    expect(
      calls.filter((call) => call.related_id === `order:${order_id}`).map((call) => call.endpoint),
    ).toEqual(["ship_order", "update_tracking"]);
    expect(
      JSON.stringify(calls, (_, value) => (typeof value === "bigint" ? String(value) : value)),
    ).not.toMatch(new RegExp(`${MIRAKL_KEY}|Tremblay|2 Test St|4165550100`));
  });

  it("carry the carrier's code of Best Buy's list, read once a day, or its name and address", async () => {
    const tasks = world.connect({ carrierCodes: {} });
    await sql`insert into carriers (code, name) values ('canada_post', 'Canada Post'), ('fedex', 'FedEx')`.execute(
      world.db,
    );
    for (const [id, carrier_code] of [
      ["BB-1", "canada_post"],
      ["BB-2", "fedex"],
    ] as const) {
      const order_id = await world.soldOrder(id);
      const task = await packWhole(world.db, await pickedOrder(world.db, order_id, ONE));
      await assignTracking(world.db, freshCall(), {
        shipment_id: task.shipment_id as bigint,
        carrier_code,
        tracking_number: `NO ${id}`,
      });
      await world.work(tasks);
    }
    expect(
      [...world.host.orders.values()].map(({ tracking, order_state }) => [tracking, order_state]),
    ).toEqual([
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
    expect(world.host.calls("list_carriers")).toBe(1);
  });

  it("of one order go together: Best Buy hears that it is shipped when the last has left", async () => {
    const order_id = await world.soldOrder("BB-1");
    const { shipment_id } = await readyParcel(world.db, order_id, ONE);
    await cancelShipment(world.db, freshCall(), { shipment_id, reason: "two boxes are better" });
    const items = [
      { field: "items[0]", order_item_id: undefined, listing_id: 1n as bigint | undefined, quantity: 1 },
    ];
    const half = { order_id, service: "", items, packages: [{ ...BOX, barcode: null }] };
    const shipments = [
      await createShipment(world.db, freshCall(), half),
      await createShipment(world.db, freshCall(), half),
    ];
    for (const [index, { id }] of shipments.entries()) {
      expect(world.host.calls("ship_order")).toBe(0);
      const number = { carrier_code: "mock", tracking_number: `NO-${index}` };
      await assignTracking(world.db, freshCall(), { shipment_id: id, ...number });
      await world.work();
    }
    expect(world.puts()).toEqual(["update_tracking", "update_tracking", "ship_order"]);
    expect(await Promise.all(shipments.map(({ id }) => world.syncOf(id)))).toEqual([
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
    const { shipment_id } = await shippedParcel(world.db, await world.soldOrder("BB-1"), ONE);
    const fault =
      what === "cut" ? ({ kind: "cut", when } as const) : ({ kind: "status", when, status: what } as const);
    world.host.faults.plan(fault, { operation: "ship_order" });
    const tasks = world.connect();
    await world.work(tasks);
    expect(await world.syncOf(shipment_id)).toBe("pending");
    await world.makeDue();
    await world.work(tasks);
    expect(await world.syncOf(shipment_id)).toBe("tracking_updated");
    expect(world.host.orders.get("BB-1")?.notified).toHaveLength(1);
    expect(world.host.calls("update_tracking")).toBe(1);
    expect(world.host.calls("ship_order")).toBe(when === "after" ? 1 : 2);
    expect(await world.alerts()).toEqual([]);
  });

  it("that somebody has confirmed there by hand are done", async () => {
    const { shipment_id } = await shippedParcel(world.db, await world.soldOrder("BB-1"), ONE);
    world.host.change("BB-1", { order_state: "SHIPPED" });
    await world.work();
    expect(await world.syncOf(shipment_id)).toBe("tracking_updated");
  });

  it("that Best Buy refuses are failed, with an alert, until their number changes", async () => {
    const order_id = await world.soldOrder("BB-1");
    const { shipment_id } = await readyParcel(world.db, order_id, ONE);
    world.host.faults.plan({ kind: "status", when: "before", status: 400 }, { operation: "update_tracking" });
    await world.work();
    expect(await world.syncOf(shipment_id)).toBe("failed");
    expect(await world.alerts()).toEqual(["channel_sync_failed"]);
    const again = { shipment_id, carrier_code: "mock", tracking_number: "ANOTHER-1" };
    await assignTracking(world.db, freshCall(), again);
    await world.work();
    expect(await world.syncOf(shipment_id)).toBe("tracking_updated");
    expect(world.host.orders.get("BB-1")?.notified).toEqual(["ANOTHER-1"]);
    expect(await world.alerts()).toEqual([]);
  });

  it("of an order that is gone there are failed", async () => {
    const order_id = await world.soldOrder("BB-1");
    const { shipment_id } = await shippedParcel(world.db, order_id, ONE);
    world.host.change("BB-1", { order_state: "CANCELED" });
    await world.work();
    expect(await world.syncOf(shipment_id)).toBe("failed");
  });

  it("wait while our key is not taken, which one alert tells", async () => {
    const parcels = [];
    for (const id of ["BB-1", "BB-2", "BB-3"])
      parcels.push(await shippedParcel(world.db, await world.soldOrder(id), ONE));
    const locked = world.connect({ apiKey: "a key that was replaced" });
    await world.poll(locked);
    await world.work(locked);
    expect(await world.alerts()).toEqual(["channel_denied"]);
    await world.makeDue();
    await world.work();
    for (const { shipment_id } of parcels) expect(await world.syncOf(shipment_id)).toBe("tracking_updated");
    expect(await world.alerts()).toEqual([]);
  });
});

describe("Best Buy down for a day", () => {
  it("holds up no label, loses nothing, is told by one alert, and hears everything in order when it is back", async () => {
    const ids = Array.from({ length: 12 }, (_, nth) => `BB-${nth + 10}`);
    const orders = [];
    for (const id of ids) world.host.sell(id, [{ sku: "SKU-1", quantity: 2 }], "SHIPPING");
    await world.poll();
    for (const id of ids) orders.push(await world.ourId(id));
    const tasks = world.connect();
    const before = world.host.seen.length;
    const shipments: bigint[] = [];
    world.host.faults.plan({ kind: "status", when: "before", status: 503 }, { times: 1_000_000 });
    const told = new Set<string>();
    for (const order_id of orders) {
      // Every other hour an order is labelled and leaves, as if nothing was.
      const parcel = await shippedParcel(world.db, order_id, ONE);
      expect((await shipmentView(world.db, parcel.shipment_id)).label_status).toBe("created");
      shipments.push(parcel.shipment_id);
      await world.makeDue();
      await world.work(tasks);
      await world.poll(tasks);
      world.ahead += 2 * HOUR_MS;
      await sql`update graphile_worker._private_jobs set created_at = created_at - interval '2 hours'`.execute(
        world.db,
      );
      for (const { name, labels } of await listAlerts({ db: world.db }))
        told.add(`${name} ${labels["service"]}`);
    }
    expect([...told]).toEqual(["outside_host_down best_buy"]);
    expect(await world.alerts()).toEqual(["outside_host_down"]);
    const { rows } = await sql<{ jobs: number }>`
      select count(*)::int as jobs from graphile_worker.jobs where task_identifier = 'report_parcels'`.execute(
      world.db,
    );
    expect(rows).toEqual([{ jobs: 12 }]);
    world.host.sell("BB-99", [{ sku: "SKU-1", quantity: 1 }], "SHIPPING");
    const down = world.host.seen.length;
    world.host.faults.clear();
    for (let round = 0; round < 3; round++) {
      await new Promise((resolve) => setTimeout(resolve, 20)); // the breaker's rest
      await world.makeDue();
      await world.work(tasks);
    }
    await world.poll(tasks);
    expect(down).toBeGreaterThan(before);
    for (const id of shipments) expect(await world.syncOf(id)).toBe("tracking_updated");
    for (const id of ids) {
      const heard = world.host.seen
        .slice(down)
        .filter(({ request }) => request.method === "PUT" && request.params["id"] === id)
        .map(({ operation }) => operation);
      expect(heard).toEqual(["update_tracking", "ship_order"]);
      expect(world.host.orders.get(id)?.notified).toEqual([expect.any(String)]);
    }
    expect((await world.ordersTaken()).map((row) => row.id)).toContain("BB-99");
    expect(await world.alerts()).toEqual([]);
  });
});
