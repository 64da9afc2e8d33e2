import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import { LabelFormat, PackagingType } from "../../gen/wms/v1/packing_pb.js";
import { ShipmentStatus } from "../../gen/wms/v1/shipments_pb.js";
import type { Database } from "../../src/db/database.ts";
import { reserveInventory } from "../../src/use-cases/inventory/reserve-inventory.ts";
import { takeOrderEvents } from "../../src/use-cases/orders/take-order-events.ts";
import { addPackage } from "../../src/use-cases/packing/add-package.ts";
import { pickItems } from "../../src/use-cases/picking/pick-items.ts";
import { BOX, packingTaskIn, packWhole, pickedOrder, readyParcel, shippedParcel } from "./parcels.ts";
import { makeTask, OPERATOR, pickOf, WORKER } from "./picking.ts";
import {
  confirmed,
  freshCall,
  makeListings,
  makeWarehouses,
  place,
  type TestItem,
  type TestWarehouse,
} from "./world.ts";

/** A valid request, as plain fields; the request id is the caller's to add. */
type Request = Record<string, unknown>;

const ORDERED = 1n;
/** Of this one, lots are made, moved and counted. */
const HANDLED = 2n;
const ITEMS: readonly TestItem[] = [{ listing_id: ORDERED, quantity: 3 }];
const { packaging_type: _, ...MEASURES } = BOX;
const BOXED = { ...MEASURES, packagingType: PackagingType.BOX };

/**
 * For every RPC that takes a request id, by the stubs' name of it: makes the state in which a request is allowed, and
 * returns that request. Each call makes another one of the same kind, with effects of the same size.
 */
export async function everyWrite(db: Database): Promise<Record<string, () => Promise<Request>>> {
  const [house] = (await makeWarehouses(db)) as [TestWarehouse];
  await makeListings(db, [ORDERED, HANDLED]);
  await place(db, house, ORDERED, 100_000);
  let last = 500_000n;
  const world: World = { db, house, fresh: () => ++last };
  return {
    ...pickingWrites(world),
    ...packingWrites(world),
    ...stockWrites(world),
    ...catalogueWrites(world),
    ...orderWrites(world),
    ...shipmentWrites(world),
    ...operationsWrites(world),
  };
}

interface World {
  db: Database;
  house: TestWarehouse;
  /** A number that was not used yet. */
  fresh: () => bigint;
}

function pickingWrites({ db, house, fresh }: World) {
  const walk = async () => {
    const task = await makeTask(db, ITEMS);
    const [item] = task.items as [(typeof task.items)[number]];
    return { taskId: task.id, itemId: item.id, item };
  };
  return {
    createPickingTask: async () => ({
      orderId: fresh(),
      warehouseId: house.id,
      items: [{ listingId: ORDERED, quantity: 2 }],
    }),
    assignPickingTask: async () => ({ taskId: (await makeTask(db, ITEMS, "pending")).id, workerId: WORKER }),
    claimNextPickingTask: async () => {
      await makeTask(db, ITEMS, "pending");
      return { warehouseId: house.id, workerId: WORKER };
    },
    startPickingTask: async () => ({ taskId: (await makeTask(db, ITEMS, "assigned")).id }),
    pickItem: async () => {
      const { taskId, itemId } = await walk();
      return { taskId, itemId, quantity: 1 };
    },
    skipPickingItem: async () => {
      const { taskId, itemId } = await walk();
      return { taskId, itemId, reason: "blocked" };
    },
    completePickingTask: async () => {
      const { taskId, item } = await walk();
      await pickItems(db, [pickOf(item, 3)]);
      return { taskId };
    },
    cancelPickingTask: async () => ({ taskId: (await makeTask(db, ITEMS)).id, reason: "a mistake" }),
  };
}

function packingWrites({ db, fresh }: World) {
  const open = () => packingTaskIn(db, "in_progress", fresh(), ITEMS);
  return {
    createPackingTask: async () => {
      const taskId = await packingTaskIn(db, "pending", fresh(), ITEMS);
      const id = sql<{ id: bigint }>`select picking_task_id as id from packing_tasks where id = ${taskId}`;
      return { pickingTaskId: (await id.execute(db)).rows[0]?.id };
    },
    startPackingTask: async () => ({
      taskId: await packingTaskIn(db, "pending", fresh(), ITEMS),
      workerId: WORKER,
    }),
    packItem: async () => {
      const taskId = await open();
      const item = sql<{ id: bigint }>`select id from packing_task_items where task_id = ${taskId}`;
      return { taskId, itemId: (await item.execute(db)).rows[0]?.id, quantity: 1 };
    },
    setPackageDetails: async () => ({ taskId: await open(), ...BOXED }),
    addPackage: async () => ({ taskId: await open(), ...BOXED, barcode: "BOX-1" }),
    completePackingTask: async () => {
      const task_id = await open();
      await addPackage(db, freshCall(), { task_id, actor: OPERATOR, box: { ...BOX, barcode: null } });
      return { taskId: task_id };
    },
    cancelPackingTask: async () => ({ taskId: await open(), reason: "a mistake" }),
    shipPackingTask: async () => ({ taskId: (await readyParcel(db, fresh(), ITEMS)).task_id }),
    printLabel: async () => ({
      taskId: (await readyParcel(db, fresh(), ITEMS)).task_id,
      format: LabelFormat.PDF,
    }),
  };
}

function stockWrites({ db, house, fresh }: World) {
  const lot = () => place(db, house, HANDLED, 9, { lot_code: `L${fresh()}` });
  const held = () => ({ listing_id: ORDERED, warehouse_id: house.id, quantity: 2, order_id: fresh() });
  return {
    placeInventory: async () => ({
      listingId: HANDLED,
      warehouseId: house.id,
      locationId: house.bins[0],
      quantity: 5,
      lotCode: `L${fresh()}`,
    }),
    moveInventory: async () => ({
      productLocationId: await lot(),
      toLocationId: house.bins[1],
      quantity: 2,
    }),
    removeInventory: async () => ({ productLocationId: await lot(), quantity: 2, reason: "broken" }),
    adjustInventory: async () => ({
      productLocationId: await lot(),
      adjustment: { case: "delta", value: -1 },
      reason: "counted",
    }),
    reserveInventory: async () => ({
      listingId: ORDERED,
      warehouseId: house.id,
      quantity: 2,
      orderId: fresh(),
    }),
    releaseReservation: async () => {
      const { id } = await reserveInventory(db, freshCall(), { ...held(), expires_at: null });
      return { reservationId: id, reason: "not needed" };
    },
  };
}

function catalogueWrites({ house, fresh }: World) {
  return {
    upsertWarehouses: async () => ({ warehouses: [{ code: `W${fresh()}`, name: "Another", priority: 9 }] }),
    upsertLocations: async () => {
      const code = `B-${fresh()}`;
      return { warehouseId: house.id, locations: [{ code, barcode: code, zoneCode: "B", aisle: 1 }] };
    },
    upsertListings: async () => {
      const listingId = fresh();
      return { listings: [{ listingId, sku: `SKU-${listingId}`, name: "Another", barcodes: ["EAN"] }] };
    },
  };
}

function orderWrites({ db, fresh }: World) {
  return {
    confirmOrder: async () => ({
      orderId: fresh(),
      orderNumber: "N-1",
      items: [{ listingId: ORDERED, quantity: 2 }],
      shipTo: { contactName: "Ann Example", street: "2 Test Street", city: "Novi Sad", country: "RS" },
    }),
    cancelOrder: async () => {
      const orderId = fresh();
      await takeOrderEvents(db, [confirmed(orderId, ITEMS)]);
      return { orderId, reason: "by phone", items: [{ listingId: ORDERED, quantity: 1 }] };
    },
  };
}

function shipmentWrites({ db, fresh }: World) {
  const ready = async () => (await readyParcel(db, fresh(), ITEMS)).shipment_id;
  return {
    createShipment: async () => {
      const orderId = fresh();
      await packingTaskIn(db, "in_progress", orderId, ITEMS);
      return { orderId, carrierCode: "mock", packages: [BOXED] };
    },
    assignTracking: async () => ({
      shipmentId: await ready(),
      carrierCode: "mock",
      trackingNumber: `T${fresh()}`,
    }),
    updateShipmentStatus: async () => ({
      shipmentId: (await shippedParcel(db, fresh(), ITEMS)).shipment_id,
      status: ShipmentStatus.IN_TRANSIT,
      note: "seen on the road",
    }),
    cancelShipment: async () => ({ shipmentId: await ready(), reason: "a mistake" }),
    retryLabel: async () => {
      const { shipment_id } = await packWhole(db, await pickedOrder(db, fresh(), ITEMS));
      await sql`update shipments set label_status = 'failed' where id = ${shipment_id}`.execute(db);
      return { shipmentId: shipment_id };
    },
  };
}

function operationsWrites({ db }: World) {
  const letter = async () => {
    const { rows } = await sql<{ id: bigint }>`
      insert into dead_letters (stream, entry_id, event_id, event_type, payload, reason, attempts)
      values ('listings:events:orders', ${randomUUID()}, ${randomUUID()}, 'order.confirmed', '{}', 'unreadable', 1)
      returning id`.execute(db);
    return rows[0]?.id;
  };
  return {
    redriveDeadLetters: async () => ({ deadLetterIds: [await letter()] }),
    discardDeadLetter: async () => ({ deadLetterId: await letter(), reason: "nobody needs it" }),
  };
}
