import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Database } from "../../src/db/database.ts";
import { packingTaskView } from "../../src/db/packing-views.ts";
import { shipmentView } from "../../src/db/shipment-views.ts";
import { listPackingTaskIds } from "../../src/db/task-lists.ts";
import { packingTaskMachine } from "../../src/domain/machines.ts";
import type { Actor } from "../../src/domain/ownership.ts";
import { canTransition } from "../../src/domain/state-machine.ts";
import { renderLabels } from "../../src/labels/render.ts";
import { addPackage } from "../../src/use-cases/packing/add-package.ts";
import { cancelPackingTask } from "../../src/use-cases/packing/cancel-packing-task.ts";
import { completePackingTask } from "../../src/use-cases/packing/complete-packing-task.ts";
import { createPackingTask } from "../../src/use-cases/packing/create-packing-task.ts";
import { createLabelReader } from "../../src/use-cases/packing/label-store.ts";
import { packItem } from "../../src/use-cases/packing/pack-item.ts";
import { printLabel } from "../../src/use-cases/packing/print-label.ts";
import { setPackageDetails } from "../../src/use-cases/packing/set-package-details.ts";
import { shipPackingTask } from "../../src/use-cases/packing/ship-packing-task.ts";
import { startPackingTask } from "../../src/use-cases/packing/start-packing-task.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import {
  BOX,
  eventsOf,
  labelled,
  OPERATOR,
  packingTaskIn,
  packWhole,
  pickedOrder,
  readyParcel,
  startPacking,
  WORKER_ID,
} from "../support/parcels.ts";
import {
  freshCall,
  makeListings,
  makeWarehouses,
  place,
  stockOf,
  type TestWarehouse,
} from "../support/world.ts";

let test: TestDatabase;
let db: Database;
let warehouse: TestWarehouse;
let nextOrder = 1n;
const LISTINGS = [501n, 502n];
const actor = OPERATOR;
const labels = { draw: renderLabels, readBytes: createLabelReader() };

beforeAll(async () => {
  test = await testDatabase();
  db = test.db;
  [warehouse] = (await makeWarehouses(db)) as [TestWarehouse];
  await makeListings(db, LISTINGS);
  await place(db, warehouse, 501n, 100_000);
  await place(db, warehouse, 502n, 100_000, { bin: 1 });
});
afterAll(() => test.close());

const two = [
  { listing_id: 501n, quantity: 3 },
  { listing_id: 502n, quantity: 2 },
];
const one = [{ listing_id: 501n, quantity: 1 }];

function box(weight: number) {
  return { weight, length: 20, width: 10, height: 5, packaging_type: "box" as const, barcode: null };
}

async function statusesOf(order_id: bigint) {
  const { rows } = await sql<{ order: string; fulfillment: string }>`
    select o.status as order, f.status as fulfillment from orders o join fulfillments f using (order_id)
    where order_id = ${order_id}`.execute(db);
  return rows[0];
}

/** Everything that can be done to a packing task, and the statuses that allow it. */
const ACTIONS: Record<string, { from: readonly string[]; act: (task_id: bigint) => Promise<unknown> }> = {
  start: {
    from: packingTaskMachine.actions.start.from,
    act: (task_id) => startPackingTask(db, freshCall(), { task_id, worker_id: WORKER_ID, actor }),
  },
  pack_item: {
    from: ["in_progress"],
    act: async (task_id) => {
      const item_id = (await packingTaskView(db, task_id)).items[0]?.id as bigint;
      return packItem(db, freshCall(), { task_id, item_id, quantity: 1, actor });
    },
  },
  set_package_details: {
    from: ["in_progress"],
    act: (task_id) => setPackageDetails(db, freshCall(), { task_id, ...BOX, actor }),
  },
  add_package: {
    from: ["in_progress"],
    act: (task_id) => addPackage(db, freshCall(), { task_id, box: box(1), actor }),
  },
  pack: {
    from: packingTaskMachine.actions.pack.from,
    act: async (task_id) => {
      if ((await packingTaskView(db, task_id)).status === "in_progress")
        await setPackageDetails(db, freshCall(), { task_id, ...BOX, actor });
      return completePackingTask(db, freshCall(), { task_id, actor });
    },
  },
  ship: {
    from: packingTaskMachine.actions.ship.from,
    act: (task_id) => shipPackingTask(db, freshCall(), { task_id, actor }),
  },
  cancel: {
    from: packingTaskMachine.actions.cancel.from,
    act: (task_id) => cancelPackingTask(db, freshCall(), { task_id, reason: "test" }),
  },
  print_label: {
    from: ["packed", "shipped"],
    act: (task_id) => printLabel(db, freshCall(), { task_id, format: "zpl", actor }, labels),
  },
};

describe("a packing task", () => {
  for (const [action, { from, act }] of Object.entries(ACTIONS)) {
    for (const status of packingTaskMachine.statuses) {
      const legal = from.includes(status);
      it(`${legal ? "allows" : "refuses"} ${action} when it is ${status}`, async () => {
        const task_id = await packingTaskIn(db, status, nextOrder++, one);
        expect((await packingTaskView(db, task_id)).status).toBe(status);
        if (legal) return void (await act(task_id));
        await expect(act(task_id)).rejects.toMatchObject({
          reason: "ILLEGAL_TRANSITION",
          message: expect.stringContaining(status),
          metadata: { from: status },
        });
        expect((await packingTaskView(db, task_id)).status).toBe(status);
      });
    }
  }

  it("takes the way from picked to ready that the order follows", async () => {
    const order_id = nextOrder++;
    const task_id = await pickedOrder(db, order_id, two);
    expect(await statusesOf(order_id)).toEqual({ order: "processing", fulfillment: "picked" });
    const packed = await packWhole(db, task_id);
    expect(packed).toMatchObject({ status: "packed", volumetric_weight: 1.2, chargeable_weight: 1.5 });
    expect(packed.items.every((item) => item.status === "fully_packed")).toBe(true);
    expect(await statusesOf(order_id)).toEqual({ order: "processing", fulfillment: "packed" });
    const shipment_id = await labelled(db, packed);
    expect(await statusesOf(order_id)).toEqual({ order: "ready_for_shipment", fulfillment: "ready" });
    const shipment = await shipmentView(db, shipment_id);
    expect(shipment).toMatchObject({ status: "ready", label_status: "created", carrier_code: "mock" });
    expect(shipment.items.map((item) => item.quantity)).toEqual([3, 2]);
    expect(await packingTaskView(db, task_id)).toMatchObject({
      tracking_number: shipment.tracking_number,
      label_url: shipment.label_url,
    });
    const shipped = await shipPackingTask(db, freshCall(), { task_id, actor });
    expect(shipped).toMatchObject({ status: "shipped", tracking_number: shipment.tracking_number });
    expect(await statusesOf(order_id)).toEqual({ order: "shipped", fulfillment: "shipped" });
    expect(await eventsOf(db, order_id)).toEqual(
      expect.arrayContaining([
        "packing.created",
        "packing.started",
        "packing.completed",
        "shipment.created",
        "shipment.label_created",
        "packing.shipped",
        "shipment.status_changed",
      ]),
    );
  });

  it("moves each line's units from packing to the customer when it ships", async () => {
    const { order_id } = await readyParcel(db, nextOrder++, two);
    const task = await packingTaskView(
      db,
      (
        await sql<{ id: bigint }>`
      select id from packing_tasks where order_id = ${order_id}`.execute(db)
      ).rows[0]?.id as bigint,
    );
    await shipPackingTask(db, freshCall(), { task_id: task.id, actor });
    const { rows } = await sql`
      select listing_id, quantity, from_place, to_place from inventory_movements
      where order_id = ${order_id} and reason = 'ship' order by listing_id`.execute(db);
    expect(rows).toEqual([
      { listing_id: 501n, quantity: 3, from_place: "packing", to_place: "customer" },
      { listing_id: 502n, quantity: 2, from_place: "packing", to_place: "customer" },
    ]);
    const lines =
      await sql`select shipped_quantity from order_items where order_id = ${order_id} order by id`.execute(
        db,
      );
    expect(lines.rows).toEqual([{ shipped_quantity: 3 }, { shipped_quantity: 2 }]);
  });

  it("answers a repeated call with the first answer, and ships once", async () => {
    const { task_id, order_id } = await readyParcel(db, nextOrder++, one);
    const call = freshCall("ShipPackingTask");
    const answers = await Promise.all([1, 2, 3].map(() => shipPackingTask(db, call, { task_id, actor })));
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[2]).toEqual(answers[0]);
    expect((await eventsOf(db, order_id)).filter((type) => type === "packing.shipped")).toHaveLength(1);
  });

  it("is completed by one of many who try at once", async () => {
    const task_id = await pickedOrder(db, nextOrder++, one);
    await startPacking(db, task_id);
    await setPackageDetails(db, freshCall(), { task_id, ...BOX, actor });
    const tries = await Promise.allSettled(
      Array.from({ length: 8 }, () => completePackingTask(db, freshCall(), { task_id, actor })),
    );
    expect(tries.filter((outcome) => outcome.status === "fulfilled")).toHaveLength(1);
    const { rows } =
      await sql`select from shipments s join packing_tasks t using (fulfillment_id) where t.id = ${task_id}`.execute(
        db,
      );
    expect(rows).toHaveLength(1);
  });

  it("belongs to the worker who started it", async () => {
    const task_id = await pickedOrder(db, nextOrder++, one);
    const stranger: Actor = { role: "worker", workerId: 99n };
    const start = (by: Actor) =>
      startPackingTask(db, freshCall(), { task_id, worker_id: WORKER_ID, actor: by });
    await expect(start(stranger)).rejects.toMatchObject({ reason: "NOT_YOUR_TASK" });
    await start({ role: "worker", workerId: WORKER_ID });
    const measure = (by: Actor) => setPackageDetails(db, freshCall(), { task_id, ...BOX, actor: by });
    await expect(measure(stranger)).rejects.toMatchObject({ reason: "NOT_YOUR_TASK" });
    await measure({ role: "worker", workerId: WORKER_ID });
  });

  it("is listed newest first, page by page, by any filter", async () => {
    const ids = [
      await packingTaskIn(db, "in_progress", nextOrder++, one),
      await packingTaskIn(db, "pending", nextOrder++, one),
    ];
    const list = (after: bigint) =>
      listPackingTaskIds(
        db,
        { statuses: ["pending", "in_progress"], warehouse_id: warehouse.id },
        { size: 1, after },
      );
    const [first] = (await list(0n)) as [bigint];
    expect(first).toBe(ids[1]);
    expect(await list(first)).toEqual([ids[0]]);
  });
});

describe("CreatePackingTask", () => {
  it("returns the task that the completed picking task has, while nobody packs", async () => {
    const task_id = await pickedOrder(db, nextOrder++, one);
    const { picking_task_id } = await packingTaskView(db, task_id);
    expect((await createPackingTask(db, freshCall(), { picking_task_id })).id).toBe(task_id);
    await startPacking(db, task_id);
    await expect(createPackingTask(db, freshCall(), { picking_task_id })).rejects.toMatchObject({
      reason: "PACKING_TASK_EXISTS",
      metadata: { task_id: String(task_id) },
    });
  });

  it("refuses a picking task that is not completed, or not there", async () => {
    await expect(createPackingTask(db, freshCall(), { picking_task_id: 987_654n })).rejects.toMatchObject({
      reason: "PICKING_TASK_NOT_FOUND",
    });
  });
});

describe("packing items", () => {
  it("adds up to what was picked, and not beyond", async () => {
    const task_id = await pickedOrder(db, nextOrder++, two);
    const { items } = await startPacking(db, task_id);
    const [item] = items;
    const pack = (quantity: number) =>
      packItem(db, freshCall(), { task_id, item_id: item?.id as bigint, quantity, actor });
    await pack(2);
    await expect(pack(2)).rejects.toMatchObject({
      reason: "QUANTITY_EXCEEDED",
      metadata: { requested: "2", remaining: "1" },
    });
    expect((await pack(1)).items[0]).toMatchObject({ packed_quantity: 3, status: "fully_packed" });
  });

  it("leaves nothing behind once it was begun", async () => {
    const task_id = await pickedOrder(db, nextOrder++, two);
    const { items } = await startPacking(db, task_id);
    await setPackageDetails(db, freshCall(), { task_id, ...BOX, actor });
    await packItem(db, freshCall(), { task_id, item_id: items[0]?.id as bigint, quantity: 3, actor });
    await expect(completePackingTask(db, freshCall(), { task_id, actor })).rejects.toMatchObject({
      reason: "ITEMS_UNPACKED",
      metadata: { unpacked: String(items[1]?.id) },
    });
    await packItem(db, freshCall(), { task_id, item_id: items[1]?.id as bigint, quantity: 2, actor });
    expect((await completePackingTask(db, freshCall(), { task_id, actor })).status).toBe("packed");
  });

  it("is not lost when two scanners pack the same item at once", async () => {
    const task_id = await pickedOrder(db, nextOrder++, [{ listing_id: 501n, quantity: 10 }]);
    const { items } = await startPacking(db, task_id);
    const item_id = items[0]?.id as bigint;
    const tries = await Promise.allSettled(
      Array.from({ length: 12 }, () => packItem(db, freshCall(), { task_id, item_id, quantity: 1, actor })),
    );
    expect(tries.filter((outcome) => outcome.status === "fulfilled")).toHaveLength(10);
    expect((await packingTaskView(db, task_id)).items[0]).toMatchObject({ packed_quantity: 10 });
  });

  it("knows the boxes and items of its own task only", async () => {
    const other = await startPacking(db, await pickedOrder(db, nextOrder++, one));
    const boxed = await addPackage(db, freshCall(), { task_id: other.id, box: box(1), actor });
    const { id: task_id, items } = await startPacking(db, await pickedOrder(db, nextOrder++, one));
    const input = { task_id, item_id: items[0]?.id as bigint, quantity: 1, actor };
    await expect(
      packItem(db, freshCall(), { ...input, package_id: boxed.packages[0]?.id }),
    ).rejects.toMatchObject({
      reason: "PACKAGE_NOT_FOUND",
    });
    await expect(
      packItem(db, freshCall(), { ...input, item_id: other.items[0]?.id as bigint }),
    ).rejects.toMatchObject({
      reason: "PACKING_TASK_ITEM_NOT_FOUND",
    });
  });
});

describe("a parcel of several packages", () => {
  it("goes by their measures, has a label and a number for each, and is one shipment", async () => {
    const task_id = await pickedOrder(db, nextOrder++, two);
    const { items } = await startPacking(db, task_id);
    await addPackage(db, freshCall(), { task_id, box: box(2), actor });
    const { packages } = await addPackage(db, freshCall(), { task_id, box: box(3), actor });
    expect(packages.map((one) => one.sequence_number)).toEqual([1, 2]);
    const item_id = items[0]?.id as bigint;
    await expect(packItem(db, freshCall(), { task_id, item_id, quantity: 1, actor })).rejects.toMatchObject({
      reason: "INVALID_FIELD",
    });
    await packItem(db, freshCall(), { task_id, item_id, quantity: 3, package_id: packages[0]?.id, actor });
    await packItem(db, freshCall(), {
      task_id,
      item_id: items[1]?.id as bigint,
      quantity: 2,
      package_id: packages[1]?.id,
      actor,
    });
    const packed = await completePackingTask(db, freshCall(), { task_id, actor });
    expect(packed).toMatchObject({ volumetric_weight: 0.4, chargeable_weight: 5 });
    const shipment = await shipmentView(db, await labelled(db, packed));
    expect(shipment.packages.map((one) => one.items)).toEqual([
      [{ package_id: packages[0]?.id, listing_id: 501n, quantity: 3 }],
      [{ package_id: packages[1]?.id, listing_id: 502n, quantity: 2 }],
    ]);
    const numbers = shipment.packages.map((one) => one.tracking_number);
    expect(new Set(numbers).size).toBe(2);
    expect(shipment.tracking_number).toBe(numbers[0]);
    const second = await printLabel(
      db,
      freshCall(),
      { task_id, package_id: packages[1]?.id, format: "zpl", actor },
      labels,
    );
    expect(Buffer.from(second.data).toString()).toContain("PACKAGE 2 OF 2");
  });

  it("needs measures: its own, or those of every package", async () => {
    const task_id = await pickedOrder(db, nextOrder++, one);
    await startPacking(db, task_id);
    await expect(completePackingTask(db, freshCall(), { task_id, actor })).rejects.toMatchObject({
      reason: "DIMENSIONS_MISSING",
    });
  });
});

describe("a label", () => {
  it("is not ready before it was bought, and then prints the same bytes every time, in every format", async () => {
    const task_id = await pickedOrder(db, nextOrder++, one);
    const packed = await packWhole(db, task_id);
    const print = (format: "zpl" | "pdf" | "png") =>
      printLabel(db, freshCall(), { task_id, format, actor }, labels);
    await expect(print("zpl")).rejects.toMatchObject({
      reason: "LABEL_NOT_READY",
      metadata: { label_status: "requested" },
    });
    await labelled(db, packed);
    const plain = `/api/v1/packages/${packed.packages[0]?.id}/label`;
    const urls = {
      zpl: plain,
      pdf: `${plain}?format=pdf&paper=4x6`,
      png: `${plain}?format=png&paper=4x6&dpi=203`,
    };
    for (const format of ["zpl", "pdf", "png"] as const) {
      const [first, again] = [await print(format), await print(format)];
      expect(Buffer.compare(first.data, again.data)).toBe(0);
      expect(first.label_url).toBe(urls[format]);
    }
    expect((await print("pdf")).content_type).toBe("application/pdf");
  });
});

describe("shipping by hand", () => {
  it("needs a number, given or bought", async () => {
    const task_id = await pickedOrder(db, nextOrder++, one);
    const packed = await packWhole(db, task_id);
    await expect(shipPackingTask(db, freshCall(), { task_id, actor })).rejects.toMatchObject({
      reason: "TRACKING_NUMBER_MISSING",
    });
    const shipped = await shipPackingTask(db, freshCall(), {
      task_id,
      tracking_number: "BY-HAND-1",
      carrier_code: "cj",
      actor,
    });
    expect(shipped).toMatchObject({ status: "shipped", tracking_number: "BY-HAND-1" });
    expect(await shipmentView(db, packed.shipment_id as bigint)).toMatchObject({
      carrier_code: "cj",
      tracking_number: "BY-HAND-1",
      label_status: "voided",
      status: "shipped",
    });
  });

  it("refuses a number that another parcel of the carrier travels under", async () => {
    const first = await readyParcel(db, nextOrder++, one);
    const second = await readyParcel(db, nextOrder++, one);
    const { tracking_number } = await shipmentView(db, first.shipment_id);
    await expect(
      shipPackingTask(db, freshCall(), {
        task_id: second.task_id,
        tracking_number: tracking_number as string,
        actor,
      }),
    ).rejects.toMatchObject({
      reason: "TRACKING_NUMBER_TAKEN",
      metadata: { shipment_id: String(first.shipment_id) },
    });
  });
});

describe("cancelling", () => {
  for (const status of packingTaskMachine.statuses.filter((one) =>
    canTransition(packingTaskMachine, one, "cancel"),
  )) {
    it(`at ${status} puts the goods back and ends the order`, async () => {
      const order_id = nextOrder++;
      const before = await stockOf(db, 501n);
      const task_id = await packingTaskIn(db, status, order_id, two);
      const task = await cancelPackingTask(db, freshCall(), {
        task_id,
        reason: "customer changed their mind",
      });
      expect(task).toMatchObject({ status: "cancelled", cancellation_reason: "customer changed their mind" });
      expect(await statusesOf(order_id)).toEqual({ order: "cancelled", fulfillment: "cancelled" });
      expect(await stockOf(db, 501n)).toEqual(before);
      const { rows } = await sql<{
        status: string;
      }>`select status from shipments where order_id = ${order_id}`.execute(db);
      expect(rows.every((row) => row.status === "cancelled")).toBe(true);
    });
  }
});
