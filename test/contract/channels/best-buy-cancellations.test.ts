import { sql } from "kysely";
import { describe, expect, it } from "vitest";
import { listAlerts } from "../../../src/use-cases/maintenance/alerts.ts";
import { cancelOrder } from "../../../src/use-cases/orders/cancel-order.ts";
import { BestBuyWorld } from "../../support/best-buy-world.ts";
import { shippedParcel } from "../../support/parcels.ts";
import { freshCall } from "../../support/world.ts";

const world = new BestBuyWorld();

async function cancelHere(order_id: bigint, items: { listing_id: bigint; quantity: number }[] = []) {
  await cancelOrder(world.db, freshCall(), { order_id, reason: "the shelf was empty", items });
}

async function unitsOf(order_id: bigint): Promise<(readonly [number, number])[]> {
  const { rows } = await sql<{ quantity: number; cancelled_quantity: number }>`
    select quantity, cancelled_quantity from order_items where order_id = ${order_id} order by line_number`.execute(
    world.db,
  );
  return rows.map((row) => [row.quantity, row.cancelled_quantity]);
}

const summaries = async () => (await listAlerts({ db: world.db })).map(({ summary }) => summary);
const stateThere = (id: string) => world.host.orders.get(id)?.order_state;

describe("what was cancelled at Best Buy", () => {
  it("is cancelled here by the unit, as often as there are fewer", async () => {
    const order_id = await world.soldOrder("BB-1", [{ sku: "SKU-1", quantity: 5 }]);
    for (const [left, cancelled] of [
      [4, 1],
      [2, 3],
      [2, 3],
    ] as const) {
      world.host.changeLine("BB-1-1", { quantity: left });
      await world.poll();
      await world.poll();
      expect(await unitsOf(order_id)).toEqual([[5, cancelled]]);
    }
    world.host.changeLine("BB-1-1", { order_line_state: "CANCELED" });
    await world.poll();
    expect((await world.ordersTaken())[0]?.status).toBe("cancelled");
    expect(await world.alerts()).toEqual([]);
  });

  it("is cancelled here once, also when nobody remembers its event any more", async () => {
    const both = [
      { sku: "SKU-1", quantity: 2 },
      { sku: "SKU-1", quantity: 3 },
    ];
    const order_id = await world.soldOrder("BB-1", both);
    world.host.changeLine("BB-1-1", { order_line_state: "CANCELED" });
    for (let nth = 0; nth < 2; nth++) {
      await world.poll();
      expect((await unitsOf(order_id)).reduce((sum, [, cancelled]) => sum + cancelled, 0)).toBe(2);
      await sql`delete from processed_events`.execute(world.db); // as the housekeeping does after a month
    }
  });

  it("or given back to its customer, is not sent, and an order without a line left does not come in", async () => {
    const both = [
      { sku: "SKU-1", quantity: 2 },
      { sku: "SKU-2", quantity: 1 },
    ];
    const order_id = await world.soldOrder("BB-1", both);
    world.host.changeLine("BB-1-2", { order_line_state: "REFUNDED" });
    world.host.sell("BB-2", [{ sku: "SKU-1", quantity: 1 }], "SHIPPING");
    world.host.changeLine("BB-2-1", { order_line_state: "WAITING_REFUND_PAYMENT" });
    world.host.sell("BB-3", [{ sku: "SKU-1", quantity: 1 }], "SHIPPING");
    await world.poll();
    expect(await unitsOf(order_id)).toEqual([
      [2, 0],
      [1, 1],
    ]);
    expect((await world.ordersTaken()).map(({ id }) => id)).toEqual(["BB-1", "BB-3"]);
    expect(await world.alerts()).toEqual([]);
  });

  it("by the unit, without saying whether it counts them still, is for somebody to look at", async () => {
    const order_id = await world.soldOrder("BB-1", [{ sku: "SKU-1", quantity: 5 }]);
    const refund = (quantity: number | null) => ({ id: "R1", state: "REFUNDED", quantity, amount: 10 });
    world.host.changeLine("BB-1-1", { refunds: [refund(null)] });
    await world.poll();
    expect(await world.alerts()).toEqual([]); // money only
    world.host.changeLine("BB-1-1", { refunds: [refund(null), refund(2)] });
    await world.poll();
    expect(await summaries()).toEqual([
      "best_buy order BB-1: of line BB-1-1, 2 of 5 units were cancelled or refunded there; cancel them here, unless they are to be sent",
    ]);
    await cancelHere(order_id, [{ listing_id: 1n, quantity: 2 }]);
    await shippedParcel(world.db, order_id, [{ listing_id: 1n, quantity: 3 }]);
    await world.work();
    await world.poll();
    expect(stateThere("BB-1")).toBe("SHIPPED");
    expect(await world.alerts()).toEqual([]);
  });

  it("line by line before it came in, comes in as what is left of it", async () => {
    world.host.sell(
      "BB-1",
      [
        { sku: "SKU-1", quantity: 2 },
        { sku: "SKU-9", quantity: 1 },
      ],
      "SHIPPING",
    );
    world.host.changeLine("BB-1-2", { order_line_state: "REFUSED" });
    await world.poll();
    expect(await world.ordersTaken()).toMatchObject([{ id: "BB-1", items: "1x2" }]);
  });
});

describe("what was cancelled here", () => {
  it("is cancelled at Best Buy while it says that this may be done, once", async () => {
    const order_id = await world.soldOrder("BB-1");
    world.host.change("BB-1", { can_cancel: true });
    await cancelHere(order_id);
    for (let nth = 0; nth < 3; nth++) await world.poll();
    expect(stateThere("BB-1")).toBe("CANCELED");
    expect(world.puts()).toEqual(["cancel_order"]);
    expect(await world.alerts()).toEqual([]);
  });

  it.each(["before", "after"] as const)(
    "is cancelled once, when the answer is lost %s it was",
    async (when) => {
      const order_id = await world.soldOrder("BB-1");
      world.host.change("BB-1", { can_cancel: true });
      await cancelHere(order_id);
      world.host.faults.plan({ kind: "cut", when }, { operation: "cancel_order" });
      for (let nth = 0; nth < 3; nth++) await world.poll();
      expect(stateThere("BB-1")).toBe("CANCELED");
      expect(world.host.calls("cancel_order")).toBe(when === "before" ? 2 : 1);
      expect(await world.alerts()).toEqual([]);
    },
  );

  it("is somebody's to refund, where Best Buy has the customer's money: one alert, until he has", async () => {
    const order_id = await world.soldOrder("BB-1");
    await cancelHere(order_id);
    for (let nth = 0; nth < 2; nth++) await world.poll();
    expect(world.puts()).toEqual([]);
    expect(await summaries()).toEqual([
      "best_buy order BB-1: 2 units are wanted there, and 0 are meant to be sent; refund it there, or send it",
    ]);
    world.host.changeLine("BB-1-1", { order_line_state: "REFUNDED" });
    await world.poll();
    await world.poll();
    expect(await world.alerts()).toEqual([]);
  });

  it("in part is somebody's to refund, also where a whole order could be cancelled", async () => {
    const order_id = await world.soldOrder("BB-1");
    world.host.change("BB-1", { can_cancel: true });
    await cancelHere(order_id, [{ listing_id: 1n, quantity: 1 }]);
    await world.poll();
    expect(await world.alerts()).toEqual(["channel_order_differs"]);
    expect(world.puts()).toEqual([]);
    await shippedParcel(world.db, order_id, [{ listing_id: 1n, quantity: 1 }]);
    await world.work();
    await world.poll();
    expect(stateThere("BB-1")).toBe("SHIPPED");
    expect(await world.alerts()).toEqual([]);
  });

  it("and refused there all the same, is told in Best Buy's words", async () => {
    const order_id = await world.soldOrder("BB-1");
    world.host.change("BB-1", { can_cancel: true });
    await cancelHere(order_id);
    const no = { status: 400, body: { message: "Shop can not cancel", status: 400 } };
    world.host.faults.plan({ kind: "answer", when: "before", answer: no }, { operation: "cancel_order" });
    await world.poll();
    expect(await summaries()).toEqual([expect.stringContaining("Shop can not cancel")]);
  });
});
