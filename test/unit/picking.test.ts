import { describe, expect, it } from "vitest";
import { DomainError } from "../../src/domain/errors.ts";
import { assertOwnHands, assertOwnTask } from "../../src/domain/ownership.ts";
import {
  assertAllHandled,
  assertInProgress,
  decidePick,
  nextItem,
  type PickableItem,
} from "../../src/domain/picking.ts";
import { assertServed, coverDemand } from "../../src/domain/picking-demand.ts";

const ITEM: PickableItem = {
  id: 1n,
  task_id: 9n,
  status: "pending",
  quantity_required: 3,
  quantity_picked: 0,
  open_quantity: 3,
  location_code: "A-1",
  location_barcode: "LOC-A-1",
  sku: "Sku-5",
  barcodes: ["4006381333931"],
};

function refused(run: () => unknown): DomainError {
  try {
    run();
  } catch (error) {
    if (error instanceof DomainError) return error;
    throw error;
  }
  throw new Error("it was not refused");
}

describe("decidePick", () => {
  it("picks whole, or in part", () => {
    expect(decidePick(ITEM, { quantity: 3 })).toEqual({ picked: 3, status: "picked", missing: 0 });
    expect(decidePick(ITEM, { quantity: 1 })).toEqual({ picked: 1, status: "short", missing: 0 });
  });

  it("takes the rest of a partial pick", () => {
    const short = { ...ITEM, status: "short", quantity_picked: 1, open_quantity: 2 } as const;
    expect(decidePick(short, { quantity: 2 })).toEqual({ picked: 2, status: "picked", missing: 0 });
    expect(decidePick(short, { quantity: 1 })).toEqual({ picked: 1, status: "short", missing: 0 });
  });

  it("counts as missing what is left when a reason is given, and nothing when nothing is left", () => {
    expect(decidePick(ITEM, { quantity: 0, short_reason: "empty" })).toEqual({
      picked: 0,
      status: "short",
      missing: 3,
    });
    expect(decidePick(ITEM, { quantity: 3, short_reason: "empty" })).toEqual({
      picked: 3,
      status: "picked",
      missing: 0,
    });
  });

  it("refuses more than remains, naming required, picked and remaining", () => {
    const short = { ...ITEM, status: "short", quantity_picked: 1, open_quantity: 2 } as const;
    const { reason, metadata } = refused(() => decidePick(short, { quantity: 3 }));
    expect(reason).toBe("QUANTITY_EXCEEDED");
    expect(metadata).toMatchObject({ required: "3", picked: "1", remaining: "2", requested: "3" });
  });

  it("refuses an item whose missing units were given up, also with nothing picked", () => {
    const given = { ...ITEM, status: "short", quantity_picked: 1, open_quantity: 0 } as const;
    expect(refused(() => decidePick(given, { quantity: 1 })).message).toContain("given up");
    expect(refused(() => decidePick(given, { quantity: 0, short_reason: "again" })).reason).toBe(
      "QUANTITY_EXCEEDED",
    );
  });

  it.each(["picked", "skipped"] as const)("refuses a %s item by its status", (status) => {
    const { reason, metadata } = refused(() => decidePick({ ...ITEM, status }, { quantity: 1 }));
    expect([reason, metadata["from"]]).toEqual(["ILLEGAL_TRANSITION", status]);
  });

  it.each(["LOC-A-1", "loc-a-1", "A-1", " a-1 "])("accepts %j at the shelf", (location_barcode) => {
    expect(decidePick(ITEM, { quantity: 3, location_barcode }).status).toBe("picked");
  });

  it.each(["4006381333931", "sku-5", "SKU-5"])("accepts %j on the product", (item_barcode) => {
    expect(decidePick(ITEM, { quantity: 3, item_barcode }).status).toBe("picked");
  });

  it("refuses another place's or product's barcode, naming kind, expected and scanned", () => {
    const place = refused(() => decidePick(ITEM, { quantity: 1, location_barcode: "LOC-A-2" }));
    expect(place.metadata).toMatchObject({ kind: "location", expected: "LOC-A-1", scanned: "LOC-A-2" });
    const goods = refused(() => decidePick(ITEM, { quantity: 1, item_barcode: "4006381333932" }));
    expect(goods.reason).toBe("WRONG_BARCODE");
    expect(goods.metadata).toMatchObject({ kind: "item", scanned: "4006381333932" });
  });
});

describe("a picking task", () => {
  it("is worked on in progress only", () => {
    for (const status of ["pending", "assigned", "completed", "cancelled"] as const)
      expect(refused(() => assertInProgress({ id: 1n, status }, "pick")).metadata["from"]).toBe(status);
    expect(() => assertInProgress({ id: 1n, status: "in_progress" }, "pick")).not.toThrow();
  });

  it("leads to the pending item with the lowest number, and ends when none is pending", () => {
    const items = [
      { id: 1n, status: "short", sequence: 1 },
      { id: 2n, status: "pending", sequence: 3 },
      { id: 3n, status: "pending", sequence: 2 },
    ] as const;
    expect(nextItem(items)?.id).toBe(3n);
    expect(refused(() => assertAllHandled(9n, items)).metadata["pending"]).toBe("2");
    expect(nextItem(items.slice(0, 1))).toBeUndefined();
    expect(() => assertAllHandled(9n, items.slice(0, 1))).not.toThrow();
  });
});

describe("ownership", () => {
  it("keeps a worker off others' and nobody's tasks, and lets the other roles act", () => {
    const anna = { role: "worker", workerId: 7n } as const;
    expect(() => assertOwnTask(anna, { id: 1n, worker_id: 7n })).not.toThrow();
    expect(refused(() => assertOwnTask(anna, { id: 1n, worker_id: 8n })).reason).toBe("NOT_YOUR_TASK");
    expect(refused(() => assertOwnTask(anna, { id: 1n, worker_id: null })).reason).toBe("NOT_YOUR_TASK");
    expect(refused(() => assertOwnTask({ role: "worker" }, { id: 1n, worker_id: null })).reason).toBe(
      "NOT_YOUR_TASK",
    );
    for (const role of ["service", "operator", "admin"] as const)
      expect(() => assertOwnTask({ role }, { id: 1n, worker_id: 8n })).not.toThrow();
  });

  it("lets a worker take tasks for itself only", () => {
    expect(() => assertOwnHands({ role: "worker", workerId: 7n }, 7n)).not.toThrow();
    expect(() => assertOwnHands({ role: "operator" }, 7n)).not.toThrow();
    expect(refused(() => assertOwnHands({ role: "worker", workerId: 7n }, 8n)).reason).toBe("NOT_YOUR_TASK");
    expect(refused(() => assertOwnHands({ role: "worker" }, 8n)).reason).toBe("NOT_YOUR_TASK");
  });
});

describe("wanted units", () => {
  const line = (
    id: bigint,
    listing_id: bigint,
    shortage_quantity: number,
    warehouse_id: bigint | null = null,
  ) => ({
    id,
    listing_id,
    shortage_quantity,
    warehouse_id,
  });

  it("cover what the order waits for, and only the rest is new", () => {
    const lines = [line(1n, 5n, 2), line(2n, 5n, 9, 99n), line(3n, 5n, 1, 1n), line(4n, 6n, 4)];
    const { waiting, added } = coverDemand(
      [
        { listing_id: 5n, quantity: 4 },
        { listing_id: 5n, quantity: 1 },
      ],
      lines,
      1n,
    );
    expect(waiting.map(({ line: { id }, quantity }) => [id, quantity])).toEqual([
      [1n, 2],
      [3n, 1],
    ]);
    expect(added).toEqual([
      { listing_id: 5n, quantity: 1 },
      { listing_id: 5n, quantity: 1 },
    ]);
  });

  it("are refused by the sum of a listing's lines", () => {
    const wanted = [
      { listing_id: 5n, quantity: 4 },
      { listing_id: 5n, quantity: 3 },
    ];
    const { metadata } = refused(() => assertServed(1n, wanted, [{ listing_id: 5n, quantity: 2 }]));
    expect(metadata).toMatchObject({ listing_id: "5", requested: "7", available: "5" });
    expect(() => assertServed(1n, wanted, [{ listing_id: 5n, quantity: 0 }])).not.toThrow();
  });
});
