import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Database } from "../../src/db/database.ts";
import { findOrderView } from "../../src/db/order-views.ts";
import { DomainError } from "../../src/domain/errors.ts";
import { reserveInventory } from "../../src/use-cases/inventory/reserve-inventory.ts";
import { cancelOrder } from "../../src/use-cases/orders/cancel-order.ts";
import { confirmOrder } from "../../src/use-cases/orders/confirm-order.ts";
import { takeOrderEvents } from "../../src/use-cases/orders/take-order-events.ts";
import { voidLabel } from "../../src/use-cases/shipping/void-label.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { mockCarriers, readyParcel } from "../support/parcels.ts";
import {
  cancelled,
  confirmed,
  freshCall,
  makeListings,
  makeWarehouses,
  place,
  serveBackorders,
  stockOf,
  type TestWarehouse,
} from "../support/world.ts";

let test: TestDatabase;
let db: Database;
let near: TestWarehouse;
let far: TestWarehouse;
let nextListing = 100n;
let nextOrder = 1n;

beforeAll(async () => {
  test = await testDatabase();
  db = test.db;
  [near, far] = (await makeWarehouses(db, 2, 120)) as [TestWarehouse, TestWarehouse];
});
afterAll(() => test.close());

async function listing(strategy: "fifo" | "fefo" | "lifo" = "fifo"): Promise<bigint> {
  const id = nextListing++;
  await makeListings(db, [id], strategy);
  return id;
}

/** What an order's picking items take, by lot. */
async function picksOf(order_id: bigint): Promise<[lot: bigint, quantity: number][]> {
  const { rows } = await sql<{ lot: bigint; quantity: number }>`
    select product_location_id as lot, quantity_required as quantity from picking_task_items item
    join picking_tasks task on task.id = item.task_id and task.status <> 'cancelled'
    where task.order_id = ${order_id} order by item.id`.execute(db);
  return rows.map((row) => [row.lot, row.quantity]);
}

async function order(id: bigint) {
  const view = await findOrderView(db, id);
  if (!view) throw new Error(`no order ${id}`);
  return view;
}

describe("confirmed orders", () => {
  it("are promised the oldest lots first, and get one picking task", async () => {
    const id = await listing();
    const young = await place(db, near, id, 5, { age: 1, bin: 0 });
    const old = await place(db, near, id, 2, { age: 9, bin: 1 });
    const order_id = nextOrder++;
    await takeOrderEvents(db, [confirmed(order_id, [{ listing_id: id, quantity: 4 }])]);
    expect(new Map(await picksOf(order_id))).toEqual(
      new Map([
        [young, 2],
        [old, 2],
      ]),
    );
    const view = await order(order_id);
    expect(view.status).toBe("processing");
    expect(view.fulfillments.map((part) => part.status)).toEqual(["planning"]);
    expect(await stockOf(db, id)).toEqual({ quantity: 7, reserved: 4 });
  });

  it("leave by expiry under FEFO and youngest first under LIFO", async () => {
    const fefo = await listing("fefo");
    await place(db, near, fefo, 5, { age: 9, expires_on: "2030-06-01" });
    const soon = await place(db, near, fefo, 5, { age: 1, expires_on: "2030-01-01", bin: 1 });
    await place(db, near, fefo, 5, { age: 99, bin: 2 });
    const past = await place(db, near, fefo, 5, { age: 50, expires_on: "2020-01-01", bin: 3 });
    const lifo = await listing("lifo");
    await place(db, near, lifo, 5, { age: 9 });
    const youngest = await place(db, near, lifo, 5, { age: 1, bin: 1 });
    const order_id = nextOrder++;
    const items = [fefo, lifo].map((listing_id) => ({ listing_id, quantity: 5 }));
    await takeOrderEvents(db, [confirmed(order_id, items)]);
    const picks = await picksOf(order_id);
    expect(new Map(picks)).toEqual(
      new Map([
        [soon, 5],
        [youngest, 5],
      ]),
    );
    expect(picks.some(([lot]) => lot === past)).toBe(false);
  });

  it("take a line from eleven small lots, and from a hundred", async () => {
    const id = await listing();
    for (let bin = 0; bin < 100; bin++) await place(db, near, id, 1, { bin, age: 100 - bin });
    const eleven = nextOrder++;
    await takeOrderEvents(db, [confirmed(eleven, [{ listing_id: id, quantity: 11 }])]);
    expect(await picksOf(eleven)).toHaveLength(11);
    const rest = nextOrder++;
    await takeOrderEvents(db, [confirmed(rest, [{ listing_id: id, quantity: 89 }])]);
    expect(await picksOf(rest)).toHaveLength(89);
    expect(await stockOf(db, id)).toEqual({ quantity: 100, reserved: 100 });
  });

  it("check two lines of one listing against their sum", async () => {
    const id = await listing();
    await place(db, near, id, 5);
    const lines = [
      { listing_id: id, quantity: 3 },
      { listing_id: id, quantity: 3 },
    ];
    const order_id = nextOrder++;
    await takeOrderEvents(db, [confirmed(order_id, lines, "reject")]);
    expect((await order(order_id)).status).toBe("cancelled");
    expect(await stockOf(db, id)).toEqual({ quantity: 5, reserved: 0 });
    await place(db, near, id, 1, { bin: 1 });
    const whole = nextOrder++;
    await takeOrderEvents(db, [confirmed(whole, lines, "reject")]);
    expect((await picksOf(whole)).reduce((sum, [, quantity]) => sum + quantity, 0)).toBe(6);
  });

  it("come from the fewest warehouses, by priority, and from where a line says", async () => {
    const [a, b] = [await listing(), await listing()];
    await place(db, near, a, 5);
    await place(db, far, a, 5);
    await place(db, far, b, 5);
    const one = nextOrder++;
    await takeOrderEvents(db, [
      confirmed(one, [
        { listing_id: a, quantity: 1 },
        { listing_id: b, quantity: 1 },
      ]),
    ]);
    expect((await order(one)).fulfillments.map((part) => part.warehouse_id)).toEqual([far.id]);
    const pinned = nextOrder++;
    const items = [
      { listing_id: a, quantity: 1, warehouse_id: near.id },
      { listing_id: b, quantity: 1 },
    ];
    await takeOrderEvents(db, [confirmed(pinned, items)]);
    const warehouses = (await order(pinned)).fulfillments.map((part) => part.warehouse_id);
    expect(new Set(warehouses)).toEqual(new Set([near.id, far.id]));
  });

  it("happen once, however often and wherever the event is taken", async () => {
    const id = await listing();
    await place(db, near, id, 50);
    const ids = Array.from({ length: 20 }, () => nextOrder++);
    const events = ids.map((order_id) => confirmed(order_id, [{ listing_id: id, quantity: 1 }]));
    const again = ids.map((order_id) => confirmed(order_id, [{ listing_id: id, quantity: 1 }]));
    const batches = [events, events.toReversed(), [...events, ...events], again.toReversed()];
    await Promise.all(batches.map((batch) => takeOrderEvents(db, batch)));
    expect(await stockOf(db, id)).toEqual({ quantity: 50, reserved: 20 });
    for (const order_id of ids) expect(await picksOf(order_id)).toHaveLength(1);
  });
});

describe("scarce stock", () => {
  it("is promised to the unit, in order of arrival, and later stock serves who waits", async () => {
    const id = await listing();
    await place(db, near, id, 20);
    const ids = Array.from({ length: 50 }, () => nextOrder++);
    const batches = Array.from({ length: 10 }, (_, nth) => ids.slice(nth * 5, nth * 5 + 5));
    await Promise.all(
      batches.map((batch) =>
        takeOrderEvents(
          db,
          batch.map((order_id) => confirmed(order_id, [{ listing_id: id, quantity: 1 }])),
        ),
      ),
    );
    expect(await stockOf(db, id)).toEqual({ quantity: 20, reserved: 20 });
    const { rows: waiting } = await sql<{ order_id: bigint }>`
      select o.order_id from orders o join fulfillments f on f.order_id = o.order_id and f.status = 'backordered'
      where o.order_id = any(${ids}::bigint[]) order by o.arrival`.execute(db);
    expect(waiting).toHaveLength(30);
    await place(db, near, id, 7, { bin: 1 });
    await serveBackorders(db);
    const served = waiting.slice(0, 7).map((row) => row.order_id);
    for (const order_id of served) expect((await order(order_id)).status).toBe("processing");
    for (const { order_id } of waiting.slice(7)) expect((await order(order_id)).status).toBe("confirmed");
  });

  it("is not taken by a newcomer while an older order waits for it", async () => {
    const id = await listing();
    const older = nextOrder++;
    await takeOrderEvents(db, [confirmed(older, [{ listing_id: id, quantity: 2 }])]);
    await place(db, near, id, 2);
    const younger = nextOrder++;
    await takeOrderEvents(db, [confirmed(younger, [{ listing_id: id, quantity: 1 }])]);
    await serveBackorders(db);
    expect((await order(older)).status).toBe("processing");
    expect((await order(younger)).status).toBe("confirmed");
  });

  it("is held for an order that waits for the rest; a partial order starts with what there is", async () => {
    const [there, missing] = [await listing(), await listing()];
    await place(db, near, there, 10);
    const [whole, partial] = [nextOrder++, nextOrder++];
    const items = [
      { listing_id: there, quantity: 2 },
      { listing_id: missing, quantity: 2 },
    ];
    await takeOrderEvents(db, [confirmed(whole, items), confirmed(partial, items, "partial")]);
    expect((await order(whole)).fulfillments.map((part) => part.status)).toEqual(["backordered"]);
    expect((await order(partial)).fulfillments.map((part) => part.status).sort()).toEqual([
      "backordered",
      "planning",
    ]);
    expect(await stockOf(db, there)).toEqual({ quantity: 10, reserved: 4 });
    await place(db, near, missing, 4);
    await serveBackorders(db);
    expect((await order(whole)).fulfillments.map((part) => part.status)).toEqual(["planning"]);
    expect((await order(partial)).fulfillments.map((part) => part.status)).toEqual(["planning", "planning"]);
  });
});

describe("cancellations", () => {
  it("release everything before anything was picked", async () => {
    const id = await listing();
    await place(db, near, id, 5);
    const order_id = nextOrder++;
    await takeOrderEvents(db, [confirmed(order_id, [{ listing_id: id, quantity: 5 }])]);
    await takeOrderEvents(db, [cancelled(order_id)]);
    const view = await order(order_id);
    expect([view.status, view.items[0]?.cancelled_quantity]).toEqual(["cancelled", 5]);
    expect(await stockOf(db, id)).toEqual({ quantity: 5, reserved: 0 });
  });

  it("win when they come before their order, also in the same batch and in parallel", async () => {
    const id = await listing();
    await place(db, near, id, 50);
    const [before, same, after, racing] = [nextOrder++, nextOrder++, nextOrder++, nextOrder++];
    const order1 = (order_id: bigint) => confirmed(order_id, [{ listing_id: id, quantity: 1 }]);
    await takeOrderEvents(db, [cancelled(before)]);
    await takeOrderEvents(db, [order1(before)]);
    await takeOrderEvents(db, [cancelled(same), order1(same)]);
    await takeOrderEvents(db, [order1(after), cancelled(after)]);
    await Promise.all([takeOrderEvents(db, [order1(racing)]), takeOrderEvents(db, [cancelled(racing)])]);
    for (const order_id of [before, same, after, racing])
      expect((await order(order_id)).status).toBe("cancelled");
    expect(await stockOf(db, id)).toEqual({ quantity: 50, reserved: 0 });
  });

  it("of some units leave the same, whether they come before or after the order", async () => {
    const [a, b] = [await listing(), await listing()];
    await place(db, near, a, 50);
    await place(db, near, b, 50);
    const [early, late] = [nextOrder++, nextOrder++];
    const items = [
      { listing_id: a, quantity: 5 },
      { listing_id: b, quantity: 1 },
    ];
    const wish = [{ listing_id: a, quantity: 3 }];
    await takeOrderEvents(db, [cancelled(early, wish)]);
    await takeOrderEvents(db, [confirmed(early, items)]);
    await takeOrderEvents(db, [confirmed(late, items)]);
    await takeOrderEvents(db, [cancelled(late, wish)]);
    for (const order_id of [early, late]) {
      const view = await order(order_id);
      expect(view.items.map((line) => [line.cancelled_quantity, line.allocated_quantity])).toEqual([
        [3, 2],
        [0, 1],
      ]);
      expect((await picksOf(order_id)).map(([, quantity]) => quantity).toSorted((x, y) => x - y)).toEqual([
        1, 2,
      ]);
    }
    expect(await stockOf(db, a)).toEqual({ quantity: 50, reserved: 4 });
  });

  it("of every unit, piece by piece, cancel the order; of a missing line let the rest start", async () => {
    const [a, b] = [await listing(), await listing()];
    await place(db, near, a, 5);
    const [gone, freed] = [nextOrder++, nextOrder++];
    await takeOrderEvents(db, [confirmed(gone, [{ listing_id: a, quantity: 2 }])]);
    await takeOrderEvents(db, [cancelled(gone, [{ listing_id: a, quantity: 1 }])]);
    await takeOrderEvents(db, [cancelled(gone, [{ listing_id: a, quantity: 9 }])]);
    expect((await order(gone)).status).toBe("cancelled");
    const items = [
      { listing_id: a, quantity: 1 },
      { listing_id: b, quantity: 1 },
    ];
    await takeOrderEvents(db, [confirmed(freed, items)]);
    expect((await order(freed)).status).toBe("confirmed");
    await takeOrderEvents(db, [cancelled(freed, [{ listing_id: b, quantity: 1 }])]);
    expect((await order(freed)).status).toBe("processing");
    expect(await stockOf(db, a)).toEqual({ quantity: 5, reserved: 1 });
  });

  it("give what they free to the orders that wait", async () => {
    const id = await listing();
    await place(db, near, id, 1);
    const [first, second] = [nextOrder++, nextOrder++];
    await takeOrderEvents(db, [confirmed(first, [{ listing_id: id, quantity: 1 }])]);
    await takeOrderEvents(db, [confirmed(second, [{ listing_id: id, quantity: 1 }])]);
    await takeOrderEvents(db, [cancelled(first)]);
    const { rows } =
      await sql`select from graphile_worker.jobs where task_identifier = 'allocate_backorders'`.execute(db);
    expect(rows.length).toBeGreaterThan(0);
    await serveBackorders(db);
    expect((await order(second)).status).toBe("processing");
  });
});

describe("by RPC", () => {
  it("exchanges a hold for the order's lines", async () => {
    const id = await listing();
    await place(db, near, id, 5);
    const order_id = nextOrder++;
    const expires_at = new Date(Date.now() + 3_600_000);
    await reserveInventory(db, freshCall(), {
      listing_id: id,
      warehouse_id: near.id,
      quantity: 5,
      order_id,
      expires_at,
    });
    const other = { listing_id: id, warehouse_id: near.id, quantity: 1, order_id: nextOrder++, expires_at };
    await expect(reserveInventory(db, freshCall(), other)).rejects.toThrow(DomainError);
    const call = freshCall("ConfirmOrder");
    const wanted = confirmed(order_id, [{ listing_id: id, quantity: 5 }]);
    if (wanted.kind !== "confirmed") throw new Error("unreachable");
    const first = await confirmOrder(db, call, wanted.order);
    expect(first.status).toBe("processing");
    expect(await confirmOrder(db, call, wanted.order)).toEqual(first);
    expect(await stockOf(db, id)).toEqual({ quantity: 5, reserved: 5 });
    const cancelledView = await cancelOrder(db, freshCall("CancelOrder"), {
      order_id,
      reason: "test",
      items: [],
    });
    expect(cancelledView?.status).toBe("cancelled");
    expect(await stockOf(db, id)).toEqual({ quantity: 5, reserved: 0 });
  });

  it("cancels by RPC with an answer that stays as it was when its label is voided", async () => {
    const id = await listing();
    const order_id = nextOrder++;
    await place(db, near, id, 2);
    await readyParcel(db, order_id, [{ listing_id: id, quantity: 2 }]);
    const call = freshCall("CancelOrder");
    const cancellation = { order_id, reason: "by phone", items: [] };
    const first = await cancelOrder(db, call, cancellation);
    const [shipment] = first?.shipments ?? [];
    expect(shipment?.label_status).toBe("created");
    await voidLabel(db, mockCarriers(), { shipment_id: shipment?.id as bigint });
    expect(await cancelOrder(db, call, cancellation)).toEqual(first);
  });
});
