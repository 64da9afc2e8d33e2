import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CarrierFact, LabelRequest, LabelToVoid } from "../../src/carriers/carrier.ts";
import { MOCK_CARRIER } from "../../src/carriers/mock/mock-carrier.ts";
import { journeyOf } from "../../src/carriers/mock/timeline.ts";
import type { Database } from "../../src/db/database.ts";
import { packingTaskView } from "../../src/db/packing-views.ts";
import { shipmentView } from "../../src/db/shipment-views.ts";
import { listTrackingEvents } from "../../src/db/tracking.ts";
import { shipmentMachine } from "../../src/domain/machines.ts";
import { actionBetween } from "../../src/domain/state-machine.ts";
import type { ShipmentStatus, TrackingStatus } from "../../src/domain/vocabulary.ts";
import { renderLabels } from "../../src/labels/render.ts";
import { reserveInventory } from "../../src/use-cases/inventory/reserve-inventory.ts";
import { addPackage } from "../../src/use-cases/packing/add-package.ts";
import { completePackingTask } from "../../src/use-cases/packing/complete-packing-task.ts";
import { createLabelReader } from "../../src/use-cases/packing/label-store.ts";
import { printLabel } from "../../src/use-cases/packing/print-label.ts";
import { shipPackingTask } from "../../src/use-cases/packing/ship-packing-task.ts";
import { assignTracking } from "../../src/use-cases/shipping/assign-tracking.ts";
import { buyLabel } from "../../src/use-cases/shipping/buy-label.ts";
import { cancelShipment } from "../../src/use-cases/shipping/cancel-shipment.ts";
import { createShipment } from "../../src/use-cases/shipping/create-shipment.ts";
import { pollTracking } from "../../src/use-cases/shipping/poll-tracking.ts";
import { recordTracking } from "../../src/use-cases/shipping/record-tracking.ts";
import { updateShipmentStatus } from "../../src/use-cases/shipping/update-shipment-status.ts";
import { voidLabel } from "../../src/use-cases/shipping/void-label.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import {
  eventsOf,
  labelled,
  mockCarriers,
  OPERATOR,
  packWhole,
  pickedOrder,
  readyParcel,
  shippedParcel,
  startPacking,
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
const items = [{ listing_id: 601n, quantity: 2 }];
const BASE = { service: "", packages: [], items: [] };
const BOX = { weight: 1, length: 20, width: 10, height: 5, packaging_type: "box" as const, barcode: null };

beforeAll(async () => {
  test = await testDatabase();
  db = test.db;
  [warehouse] = (await makeWarehouses(db)) as [TestWarehouse];
  await makeListings(db, [601n, 602n]);
  await place(db, warehouse, 601n, 100_000);
  await place(db, warehouse, 602n, 100_000, { bin: 1 });
});
afterAll(() => test.close());

async function orderOf(order_id: bigint) {
  const { rows } = await sql<{ order: string; fulfillment: string }>`
    select o.status as order, f.status as fulfillment from orders o join fulfillments f using (order_id)
    where order_id = ${order_id}`.execute(db);
  return rows[0];
}

function fact(tracking_number: string, status: TrackingStatus, hour: number): CarrierFact {
  const occurred_at = new Date(Date.UTC(2027, 0, 1, hour));
  return {
    carrier_code: "mock",
    tracking_number,
    status,
    raw_code: status,
    description: "",
    location: "",
    occurred_at,
  };
}

function stated(shipment_id: bigint, status: ShipmentStatus) {
  return { shipment_id, status, occurred_at: new Date(), note: "by hand" };
}

/** A shipment in this status, by the shortest way. */
async function shipmentIn(status: ShipmentStatus): Promise<bigint> {
  const { shipment_id } = await readyParcel(db, nextOrder++, items);
  if (status === "ready") return shipment_id;
  if (status === "cancelled") await cancelShipment(db, freshCall(), { shipment_id, reason: "test" });
  else await updateShipmentStatus(db, freshCall(), stated(shipment_id, "shipped"));
  if (status !== "shipped" && status !== "cancelled")
    await updateShipmentStatus(db, freshCall(), stated(shipment_id, status));
  expect((await shipmentView(db, shipment_id)).status).toBe(status);
  return shipment_id;
}

/** A packed task of so many boxes. */
async function packBoxes(count: number) {
  const task_id = await pickedOrder(db, nextOrder++, items);
  await startPacking(db, task_id);
  for (let nth = 0; nth < count; nth++)
    await addPackage(db, freshCall(), { task_id, box: BOX, actor: OPERATOR });
  return completePackingTask(db, freshCall(), { task_id, actor: OPERATOR });
}

function printed(task_id: bigint) {
  const tools = { draw: renderLabels, readBytes: createLabelReader() };
  return printLabel(db, freshCall(), { task_id, format: "zpl", actor: OPERATOR }, tools);
}

describe("UpdateShipmentStatus", () => {
  for (const from of shipmentMachine.statuses) {
    it(`from ${from} reaches what the lifecycle allows, and nothing else`, async () => {
      for (const to of shipmentMachine.statuses) {
        const shipment_id = await shipmentIn(from);
        const update = updateShipmentStatus(db, freshCall(), stated(shipment_id, to));
        const legal =
          from === to || (to !== "cancelled" && actionBetween(shipmentMachine, from, to) !== undefined);
        if (legal) expect((await update).status, `${from} → ${to}`).toBe(to);
        else
          await expect(update, `${from} → ${to}`).rejects.toMatchObject({
            reason: "ILLEGAL_TRANSITION",
            metadata: { from, to },
          });
      }
    });
  }

  it("delivers the order, and says so once", async () => {
    const { shipment_id, order_id } = await shippedParcel(db, nextOrder++, items);
    const delivered = await updateShipmentStatus(db, freshCall(), stated(shipment_id, "delivered"));
    expect(delivered).toMatchObject({ status: "delivered", delivered_at: expect.any(Date) });
    expect(await orderOf(order_id)).toEqual({ order: "delivered", fulfillment: "completed" });
    const types = delivered.events.map((event) => event.event_type);
    expect(types).toEqual([
      "SHIPMENT_CREATED",
      "LABEL_CREATED",
      "STATUS_UPDATED",
      "STATUS_UPDATED",
      "DELIVERED_CONFIRMED",
    ]);
    const published = await eventsOf(db, order_id);
    for (const type of ["shipment.created", "shipment.delivered", "delivery.confirmed"])
      expect(
        published.filter((one) => one === type),
        type,
      ).toHaveLength(1);
  });
});

describe("carriers' facts", () => {
  const journeys: [string, TrackingStatus[], ShipmentStatus][] = [
    [
      "a plain delivery",
      ["label_created", "in_transit", "in_transit", "out_for_delivery", "delivered"],
      "delivered",
    ],
    [
      "a held-up delivery",
      ["in_transit", "out_for_delivery", "exception", "out_for_delivery", "delivered"],
      "delivered",
    ],
    ["a return", ["in_transit", "exception", "return_to_sender", "in_transit", "delivered"], "returned"],
    ["a parcel lost and found", ["in_transit", "lost", "in_transit", "delivered"], "delivered"],
  ];
  for (const [name, statuses, final] of journeys) {
    it(`of ${name} lead to one status, three times over and in any order`, async () => {
      const { shipment_id, tracking_number, order_id } = await readyParcelWithNumber();
      const facts = statuses.map((status, hour) => fact(tracking_number, status, hour));
      const shuffled = [...facts, ...facts, ...facts]
        .map((one) => [Math.random(), one] as const)
        .sort((a, b) => a[0] - b[0]);
      for (const [, one] of shuffled) await recordTracking(db, [one], "webhook");
      expect(
        (await shipmentView(db, shipment_id)).status,
        JSON.stringify(shuffled.map(([, one]) => one.occurred_at)),
      ).toBe(final);
      expect(await listTrackingEvents(db, { shipment_id }, { size: 100, after: 0n })).toHaveLength(
        statuses.length,
      );
      expect(await orderOf(order_id)).toMatchObject({ fulfillment: "completed" });
    });
  }

  it("hand a parcel over by their first scan", async () => {
    const { task_id, tracking_number, order_id, shipment_id } = await readyParcelWithNumber();
    await recordTracking(db, [fact(tracking_number, "label_created", 1)], "poll");
    expect((await shipmentView(db, shipment_id)).status).toBe("ready");
    await recordTracking(db, [fact(tracking_number, "in_transit", 2)], "poll");
    expect(await shipmentView(db, shipment_id)).toMatchObject({
      status: "in_transit",
      shipped_at: fact("", "in_transit", 2).occurred_at,
    });
    expect((await packingTaskView(db, task_id)).status).toBe("shipped");
    expect(await orderOf(order_id)).toEqual({ order: "shipped", fulfillment: "shipped" });
  });

  it("are kept, without effect, when they come late", async () => {
    const { tracking_number, shipment_id } = await readyParcelWithNumber();
    await recordTracking(db, [fact(tracking_number, "delivered", 9)], "poll");
    expect(await recordTracking(db, [fact(tracking_number, "out_for_delivery", 5)], "poll")).toEqual({
      recorded: 1,
      unmatched: [],
      recycled: [],
    });
    expect((await shipmentView(db, shipment_id)).status).toBe("delivered");
  });

  it("about numbers that nobody has are counted, and harm nothing", async () => {
    expect(await recordTracking(db, [fact("NOBODYS", "delivered", 1)], "webhook")).toEqual({
      recorded: 0,
      unmatched: [fact("NOBODYS", "delivered", 1)],
      recycled: [],
    });
  });

  it("come in lists, for many shipments at once and from many callers at once", async () => {
    const parcels = await Promise.all(Array.from({ length: 6 }, () => readyParcelWithNumber()));
    const facts = parcels.flatMap(({ tracking_number }) => [
      fact(tracking_number, "in_transit", 1),
      fact(tracking_number, "delivered", 2),
    ]);
    const counts = await Promise.all(
      [facts, facts.toReversed(), facts].map((list) => recordTracking(db, list, "webhook")),
    );
    expect(counts.reduce((sum, { recorded }) => sum + recorded, 0)).toBe(12);
    for (const { order_id } of parcels)
      expect(await orderOf(order_id)).toEqual({ order: "delivered", fulfillment: "completed" });
  });

  it("deliver a shipment of several boxes with the last of them", async () => {
    const parcel = await readyParcel(db, nextOrder++, items);
    await cancelShipment(db, freshCall(), { shipment_id: parcel.shipment_id, reason: "other boxes" });
    const made = await createShipment(db, freshCall(), {
      ...BASE,
      order_id: parcel.order_id,
      packages: [BOX, BOX],
    });
    await buyLabel(db, mockCarriers(), { shipment_id: made.id });
    const [first, second] = (await shipmentView(db, made.id)).packages.map(
      (box) => box.tracking_number as string,
    );
    await recordTracking(db, [fact(first as string, "delivered", 2)], "poll");
    expect((await shipmentView(db, made.id)).status).toBe("in_transit");
    await recordTracking(db, [fact(second as string, "delivered", 3)], "poll");
    expect((await shipmentView(db, made.id)).status).toBe("delivered");
    expect(await orderOf(parcel.order_id)).toMatchObject({ order: "delivered" });
  });

  it("are fetched by polling, each parcel by one of many pollers", async () => {
    const parcel = await shippedParcel(db, nextOrder++, items);
    const { shipped_at } = await shipmentView(db, parcel.shipment_id);
    const hours = journeyOf(parcel.tracking_number).at(-1)?.hours ?? 0;
    const later = new Date((shipped_at as Date).getTime() + (hours + 1) * 3_600_000);
    const carrier = mockCarriers({ now: () => later }).get(MOCK_CARRIER.code);
    if (!carrier) throw new Error("no mock carrier");
    await Promise.all([1, 2, 3].map(() => pollTracking(db, carrier, 60_000)));
    const { status, events } = await shipmentView(db, parcel.shipment_id);
    expect(["delivered", "returned"]).toContain(status);
    expect(events.filter((event) => event.event_type === "STATUS_UPDATED").length).toBeLessThanOrEqual(3);
    expect(
      await listTrackingEvents(db, { shipment_id: parcel.shipment_id }, { size: 50, after: 0n }),
    ).toHaveLength(journeyOf(parcel.tracking_number).length);
  });

  it("are listed oldest first, page by page", async () => {
    const { tracking_number, shipment_id } = await readyParcelWithNumber();
    const facts = [5, 3, 4].map((hour) => fact(tracking_number, "in_transit", hour));
    await recordTracking(db, facts, "poll");
    const first = await listTrackingEvents(db, { shipment_id }, { size: 2, after: 0n });
    const rest = await listTrackingEvents(db, { shipment_id }, { size: 2, after: first[1]?.id as bigint });
    expect([...first, ...rest].map((event) => event.occurred_at.getUTCHours())).toEqual([3, 4, 5]);
  });
});

describe("buying a label", () => {
  it("gives one label, however often the job runs", async () => {
    const task = await packWhole(db, await pickedOrder(db, nextOrder++, items));
    const shipment_id = task.shipment_id as bigint;
    await Promise.allSettled([1, 2, 3].map(() => buyLabel(db, mockCarriers(), { shipment_id })));
    await buyLabel(db, mockCarriers(), { shipment_id });
    const { events } = await shipmentView(db, shipment_id);
    expect(events.filter((event) => event.event_type === "LABEL_CREATED")).toHaveLength(1);
    const published = await eventsOf(db, task.order_id);
    expect(published.filter((type) => type === "shipment.created")).toHaveLength(1);
    const voids =
      await sql`select key from graphile_worker.jobs where key = ${`void_label:${shipment_id}`}`.execute(db);
    expect(voids.rows).toEqual([]);
  });

  it("tells the carrier what is in the boxes", async () => {
    const task = await packWhole(db, await pickedOrder(db, nextOrder++, items));
    const mock = mockCarriers().get("mock");
    if (!mock) throw new Error("no mock carrier");
    const asked: LabelRequest[] = [];
    const createLabel: typeof mock.createLabel = (request) => {
      asked.push(request);
      return mock.createLabel(request);
    };
    const shipment_id = task.shipment_id as bigint;
    await buyLabel(db, new Map([["mock", { ...mock, createLabel }]]), { shipment_id });
    expect(asked).toMatchObject([
      {
        reference: expect.stringMatching(new RegExp(`^wms-${shipment_id}-[0-9a-f]{8}$`)),
        packages: [{ sequence_number: 1, weight: 1.5 }],
        goods: [{ sku: "SKU-601", name: "Listing 601", quantity: 2, weight: 0.5 }],
      },
    ]);
  });

  it("is voided when the shipment is cancelled while the carrier is being asked", async () => {
    const task = await packWhole(db, await pickedOrder(db, nextOrder++, items));
    const shipment_id = task.shipment_id as bigint;
    const voided: LabelToVoid[] = [];
    const mock = mockCarriers().get("mock");
    if (!mock) throw new Error("no mock carrier");
    const slow = new Map([
      [
        "mock",
        {
          ...mock,
          createLabel: async (request: Parameters<typeof mock.createLabel>[0]) => {
            await cancelShipment(db, freshCall(), { shipment_id, reason: "meanwhile" });
            return mock.createLabel(request);
          },
          voidLabel: async (label: LabelToVoid) => void voided.push(label),
        },
      ],
    ]);
    await buyLabel(db, slow, { shipment_id });
    expect(await shipmentView(db, shipment_id)).toMatchObject({
      status: "cancelled",
      label_status: "voided",
      tracking_number: null,
    });
    const jobs =
      await sql`select key from graphile_worker.jobs where key = ${`void_label:${shipment_id}`}`.execute(db);
    expect(jobs.rows).toHaveLength(1);
    await voidLabel(db, slow, { shipment_id });
    expect(voided).toMatchObject([{ tracking_numbers: [expect.stringMatching(/^MOCK\d+$/)] }]);
  });
});

describe("AssignTracking", () => {
  it("sends the parcel on its way, and repeating it changes nothing", async () => {
    const task = await packWhole(db, await pickedOrder(db, nextOrder++, items));
    const input = {
      shipment_id: task.shipment_id as bigint,
      carrier_code: "lotte",
      tracking_number: `L-${task.id}`,
    };
    const first = await assignTracking(db, freshCall(), input);
    expect(first).toMatchObject({ status: "shipped", carrier_code: "lotte", shipped_at: expect.any(Date) });
    expect(await assignTracking(db, freshCall(), input)).toEqual(first);
    expect(await orderOf(task.order_id)).toEqual({ order: "shipped", fulfillment: "shipped" });
    await expect(
      assignTracking(db, freshCall(), { ...input, tracking_number: "OTHER" }),
    ).rejects.toMatchObject({
      reason: "ILLEGAL_TRANSITION",
    });
  });

  it("with another number than the bought one, gives the label back and announces nothing twice", async () => {
    const parcel = await readyParcel(db, nextOrder++, items);
    const { tracking_number: bought } = await shipmentView(db, parcel.shipment_id);
    const under = { carrier_code: "cj", tracking_number: `CJ-${parcel.shipment_id}` };
    const shipped = await assignTracking(db, freshCall(), { shipment_id: parcel.shipment_id, ...under });
    expect(shipped).toMatchObject({ ...under, label_status: "voided", status: "shipped" });
    expect((await eventsOf(db, parcel.order_id)).filter((type) => type === "shipment.created")).toHaveLength(
      1,
    );
    const voided: LabelToVoid[] = [];
    const mock = mockCarriers().get("mock");
    if (!mock) throw new Error("no mock carrier");
    const listening = new Map([
      ["mock", { ...mock, voidLabel: async (label: LabelToVoid) => void voided.push(label) }],
    ]);
    await voidLabel(db, listening, { shipment_id: parcel.shipment_id });
    expect(voided).toMatchObject([{ tracking_numbers: [bought] }]);
  });

  it("puts all boxes under the one number, and leaves nothing to print of the label that they had", async () => {
    const task = await packBoxes(2);
    const shipment_id = await labelled(db, task);
    const under = { carrier_code: "cj", tracking_number: `CJ-${shipment_id}` };
    const { packages } = await assignTracking(db, freshCall(), { shipment_id, ...under });
    expect(packages.map((box) => box.tracking_number)).toEqual([under.tracking_number, null]);
    await expect(printed(task.id)).rejects.toMatchObject({ reason: "LABEL_NOT_FOUND" });
    expect(await packingTaskView(db, task.id)).toMatchObject({
      tracking_number: under.tracking_number,
      label_url: null,
    });
    const delivered = { ...fact(under.tracking_number, "delivered", 1), carrier_code: "cj" };
    await recordTracking(db, [delivered], "poll");
    expect((await shipmentView(db, shipment_id)).status).toBe("delivered");
  });

  it("gives a number to one of two shipments that ask for it at once", async () => {
    const parcels = [await readyParcel(db, nextOrder++, items), await readyParcel(db, nextOrder++, items)];
    const tries = await Promise.allSettled(
      parcels.map(({ shipment_id }) =>
        assignTracking(db, freshCall(), { shipment_id, carrier_code: "cj", tracking_number: "SAME-NUMBER" }),
      ),
    );
    expect(tries.map((outcome) => outcome.status).sort()).toEqual(["fulfilled", "rejected"]);
  });

  it("does not ship a fulfillment of which another shipment is still here", async () => {
    const order_id = nextOrder++;
    const parcel = await readyParcel(db, order_id, items);
    await cancelShipment(db, freshCall(), { shipment_id: parcel.shipment_id, reason: "in two parts" });
    const part = {
      ...BASE,
      order_id,
      packages: [BOX],
      items: [{ field: "items[0]", listing_id: 601n, quantity: 1 }],
    };
    const [first, second] = [
      await createShipment(db, freshCall(), part),
      await createShipment(db, freshCall(), part),
    ];
    await assignTracking(db, freshCall(), {
      shipment_id: first.id,
      carrier_code: "cj",
      tracking_number: `A-${order_id}`,
    });
    expect((await orderOf(order_id))?.fulfillment).toBe("ready");
    await assignTracking(db, freshCall(), {
      shipment_id: second.id,
      carrier_code: "cj",
      tracking_number: `B-${order_id}`,
    });
    expect((await orderOf(order_id))?.fulfillment).toBe("shipped");
  });
});

describe("CreateShipment", () => {
  it("needs an order or a fulfillment, and both must agree", async () => {
    const { fulfillment_id, order_id } = await readyParcel(db, nextOrder++, items);
    const other = await readyParcel(db, nextOrder++, items);
    await expect(createShipment(db, freshCall(), BASE)).rejects.toMatchObject({
      reason: "INVALID_FIELD",
      metadata: { field: "order_id" },
    });
    await expect(
      createShipment(db, freshCall(), { ...BASE, fulfillment_id, order_id: other.order_id }),
    ).rejects.toMatchObject({
      reason: "INVALID_FIELD",
      metadata: { field: "fulfillment_id" },
    });
    await expect(createShipment(db, freshCall(), { ...BASE, order_id: 987_654n })).rejects.toMatchObject({
      reason: "ORDER_NOT_FOUND",
    });
    await expect(
      createShipment(db, freshCall(), { ...BASE, fulfillment_id: 987_654n }),
    ).rejects.toMatchObject({
      reason: "FULFILLMENT_NOT_FOUND",
    });
    await expect(createShipment(db, freshCall(), { ...BASE, order_id })).rejects.toMatchObject({
      reason: "SHIPMENT_EXISTS",
    });
  });

  it("knows its carriers", async () => {
    const parcel = await readyParcel(db, nextOrder++, items);
    await cancelShipment(db, freshCall(), { shipment_id: parcel.shipment_id, reason: "x" });
    await expect(
      createShipment(db, freshCall(), { ...BASE, order_id: parcel.order_id, carrier_code: "pigeon" }),
    ).rejects.toMatchObject({
      reason: "CARRIER_NOT_FOUND",
    });
  });

  it("leaves nothing to print of a label that was cancelled", async () => {
    const task = await packBoxes(2);
    const shipment_id = await labelled(db, task);
    expect((await printed(task.id)).data.length).toBeGreaterThan(0);
    await cancelShipment(db, freshCall(), { shipment_id, reason: "another carrier" });
    await expect(printed(task.id)).rejects.toThrow(/has no label: its label is voided/);
  });

  it("sends packed goods again after their shipment was cancelled, with the same boxes", async () => {
    const parcel = await readyParcel(db, nextOrder++, items);
    const old = await cancelShipment(db, freshCall(), {
      shipment_id: parcel.shipment_id,
      reason: "wrong carrier",
    });
    expect(old).toMatchObject({ status: "cancelled", label_status: "voided" });
    expect(await packingTaskView(db, parcel.task_id)).toMatchObject({
      status: "packed",
      tracking_number: null,
    });
    await expect(
      shipPackingTask(db, freshCall(), { task_id: parcel.task_id, actor: OPERATOR }),
    ).rejects.toMatchObject({
      reason: "TRACKING_NUMBER_MISSING",
    });
    const made = await createShipment(db, freshCall(), { ...BASE, fulfillment_id: parcel.fulfillment_id });
    await buyLabel(db, mockCarriers(), { shipment_id: made.id });
    await shipPackingTask(db, freshCall(), { task_id: parcel.task_id, actor: OPERATOR });
    expect(await orderOf(parcel.order_id)).toEqual({ order: "shipped", fulfillment: "shipped" });
  });

  it("made before packing, waits for the boxes and takes them", async () => {
    const order_id = nextOrder++;
    const task_id = await pickedOrder(db, order_id, items);
    const made = await createShipment(db, freshCall(), { ...BASE, order_id, service: "express" });
    expect(made).toMatchObject({ status: "ready", label_status: "none" });
    const packed = await packWhole(db, task_id);
    expect(packed.shipment_id).toBe(made.id);
    await labelled(db, packed);
    expect(await shipmentView(db, made.id)).toMatchObject({ label_status: "created", service: "express" });
    expect((await orderOf(order_id))?.fulfillment).toBe("ready");
  });

  it("takes no more than there is", async () => {
    const order_id = nextOrder++;
    await pickedOrder(db, order_id, items);
    const part = {
      ...BASE,
      order_id,
      packages: [BOX],
      items: [{ field: "items[0]", listing_id: 601n, quantity: 3 }],
    };
    await expect(createShipment(db, freshCall(), part)).rejects.toMatchObject({
      reason: "QUANTITY_EXCEEDED",
      metadata: { requested: "3", remaining: "2" },
    });
  });
});

describe("an order that has left the house", () => {
  it("holds nothing any more", async () => {
    const { task_id, order_id } = await readyParcel(db, nextOrder++, items);
    const before = await stockOf(db, 602n);
    await reserveInventory(db, freshCall(), {
      listing_id: 602n,
      warehouse_id: warehouse.id,
      quantity: 4,
      order_id,
      expires_at: null,
    });
    expect((await stockOf(db, 602n)).reserved).toBe(before.reserved + 4);
    await shipPackingTask(db, freshCall(), { task_id, actor: OPERATOR });
    expect(await stockOf(db, 602n)).toEqual(before);
  });
});

async function readyParcelWithNumber() {
  const parcel = await readyParcel(db, nextOrder++, items);
  return {
    ...parcel,
    tracking_number: (await shipmentView(db, parcel.shipment_id)).tracking_number as string,
  };
}
