import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readDay } from "../../src/cli/demo/orders-file.ts";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "warehouse-orders-"));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

async function file(name: string, ...lines: unknown[]): Promise<string> {
  const path = join(folder, name);
  const text = lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line)));
  await writeFile(path, text.join("\n"));
  return path;
}

const order = (order_number: unknown, ...items: unknown[]) => ({
  order_number,
  confirmed_at: "2026-12-06T08:34:00",
  country: "France",
  items,
});
const line = (sku: unknown, quantity: unknown) => ({ sku, quantity });

describe("a file of orders", () => {
  it("is read line by line, one SKU on two lines and all", async () => {
    const path = await file(
      "orders-x.jsonl",
      order("1", line("85123a", 6), line("85123A", 2)),
      order(2, line("x", 1)),
    );
    const day = await readDay(path);
    expect(day.complaints).toEqual([]);
    expect(day.orders).toEqual([
      { order_number: "1", country: "France", items: [line("85123a", 6), line("85123A", 2)] },
      { order_number: "2", country: "France", items: [line("x", 1)] },
    ]);
  });

  it("may have come from another system: a byte order mark, other line ends, empty lines", async () => {
    const path = await file("day.jsonl", `\uFEFF${JSON.stringify(order("1", line("a", 1)))}\r`, "", "  ");
    const day = await readDay(path);
    expect(day.orders).toHaveLength(1);
    expect(day.complaints).toEqual([]);
  });

  it.each([
    ["no JSON", "{broken", /day\.jsonl:2: .*JSON/],
    ["no object", "7", /day\.jsonl:2: must be an object/],
    ["no order number", { items: [line("a", 1)] }, /order_number/],
    ["null as order number", order(null, line("a", 1)), /order_number/],
    ["no items", { order_number: "9" }, /items/],
    ["an empty order", order("9"), /order 9 has no line/],
    ["nothing above zero", order("9", line("a", 0), line("b", -3)), /items\[0\] quantity/],
    ["an order for the second time", order("1", line("a", 1)), /order 1 stands there twice/],
    ["control characters", order("a\u0000b", line("a", 1)), /order_number: must hold no control characters/],
  ])("passes over %s, and says so", async (_, bad, reason) => {
    const day = await readDay(
      await file("day.jsonl", order("1", line("a", 1)), bad, order("2", line("a", 1))),
    );
    expect(day.orders.map(({ order_number }) => order_number)).toEqual(["1", "2"]);
    expect(day.complaints.join("\n")).toMatch(reason);
  });

  it.each([line("a", 1.5), line("a", "6"), line("a", 1e12), line("", 1), line(undefined, 1), null, "a"])(
    "passes over the line %j of an order that has others",
    async (bad) => {
      const day = await readDay(await file("day.jsonl", order("1", line("a", 2), bad)));
      expect(day.orders[0]?.items).toEqual([line("a", 2)]);
      expect(day.complaints).toHaveLength(1);
    },
  );

  it("takes any country, and none", async () => {
    const day = await readDay(
      await file("day.jsonl", { order_number: "1", country: null, items: [line("a", 1)] }),
    );
    expect(day.orders[0]?.country).toBe("");
  });
});

describe("cancellations", () => {
  const cancelled = (order_number: string, scope: string, ...items: unknown[]) => ({
    event: "order.cancelled",
    order_number,
    cancelled_at: "2027-01-01T00:00:00",
    items,
    scope,
  });

  it("come from the like-named file, whole or in part, whenever they are dated", async () => {
    const orders = await file("orders-x.jsonl", order("1", line("a", 4)), order("2", line("b", 2)));
    await file(
      "cancellations-x.jsonl",
      cancelled("1", "partial", line("A", 3)),
      cancelled("2", "full", line("b", 2)),
    );
    const day = await readDay(orders);
    expect(day.cancellations).toEqual([
      { order_number: "1", items: [line("A", 3)] },
      { order_number: "2", items: [] },
    ]);
    expect(day.complaints).toEqual([]);
  });

  it("come from the file that is named", async () => {
    const orders = await file("day.jsonl", order("1", line("a", 4)));
    const day = await readDay(orders, await file("back.jsonl", cancelled("1", "remainder", line("a", 1))));
    expect(day.cancellations).toEqual([{ order_number: "1", items: [line("a", 1)] }]);
  });

  it("may bring their order with them", async () => {
    const both = {
      order: order("7", line("a", 1)),
      cancellation: cancelled("7", "full"),
      minutes_between: 0,
    };
    const orders = await file("day.jsonl", order("1", line("a", 4)));
    const day = await readDay(orders, await file("back.jsonl", both));
    expect(day.orders.map(({ order_number }) => order_number)).toEqual(["1", "7"]);
    expect(day.cancellations).toEqual([{ order_number: "7", items: [] }]);
  });

  it("are passed over when nobody ordered that", async () => {
    const orders = await file("orders-x.jsonl", order("1", line("a", 4)));
    await file(
      "cancellations-x.jsonl",
      cancelled("2", "full"),
      cancelled("1", "partial", line("z", 1)),
      "oops",
    );
    const day = await readDay(orders);
    expect(day.cancellations).toEqual([]);
    expect(day.complaints).toHaveLength(3);
  });
});

it("says which file it can't read", async () => {
  await expect(readDay(join(folder, "none.jsonl"))).rejects.toMatchObject({ code: "ENOENT" });
});
