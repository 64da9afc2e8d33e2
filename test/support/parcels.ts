import { sql } from "kysely";
import type { Carriers } from "../../src/carriers/carrier.ts";
import { createMockCarrier } from "../../src/carriers/mock/mock-carrier.ts";
import type { Database } from "../../src/db/database.ts";
import type { PackingTaskView } from "../../src/db/packing-views.ts";
import { shipmentView } from "../../src/db/shipment-views.ts";
import type { Actor } from "../../src/domain/ownership.ts";
import type { PackingTaskStatus } from "../../src/domain/vocabulary.ts";
import { renderLabel } from "../../src/labels/render.ts";
import { takeOrderEvents } from "../../src/use-cases/orders/take-order-events.ts";
import { cancelPackingTask } from "../../src/use-cases/packing/cancel-packing-task.ts";
import { completePackingTask } from "../../src/use-cases/packing/complete-packing-task.ts";
import { setPackageDetails } from "../../src/use-cases/packing/set-package-details.ts";
import { shipPackingTask } from "../../src/use-cases/packing/ship-packing-task.ts";
import { startPackingTask } from "../../src/use-cases/packing/start-packing-task.ts";
import { assignPickingTask } from "../../src/use-cases/picking/assign-picking-task.ts";
import { completePickingTask } from "../../src/use-cases/picking/complete-picking-task.ts";
import { pickItems } from "../../src/use-cases/picking/pick-items.ts";
import { startPickingTask } from "../../src/use-cases/picking/start-picking-task.ts";
import { buyLabel } from "../../src/use-cases/shipping/buy-label.ts";
import { confirmed, freshCall, type TestItem } from "./world.ts";

export const OPERATOR: Actor = { role: "operator" };
export const WORKER_ID = 7n;
export const BOX = { weight: 1.5, length: 30, width: 20, height: 10, packaging_type: "box" as const };

/** The simulated carrier, at the given clock. */
export function mockCarriers({ speed = 1, now = () => new Date() } = {}): Carriers {
  return new Map([["mock", createMockCarrier({ speed, renderLabel, now })]]);
}

/** An order as a picker left it: completely picked, waiting for its packer. */
export async function pickedOrder(
  db: Database,
  order_id: bigint,
  items: readonly TestItem[],
): Promise<bigint> {
  await takeOrderEvents(db, [confirmed(order_id, items)]);
  const task_id = await pickingTaskOf(db, order_id);
  const actor = OPERATOR;
  await assignPickingTask(db, freshCall(), { task_id, worker_id: WORKER_ID, actor });
  await startPickingTask(db, freshCall(), { task_id, actor });
  const stops = await sql<{ id: bigint; quantity: number }>`
    select id, quantity_required as quantity from picking_task_items where task_id = ${task_id}`.execute(db);
  const picks = stops.rows.map(({ id, quantity }) => ({
    call: freshCall("PickItem"),
    actor,
    task_id,
    item_id: id,
    pick: { quantity },
  }));
  const outcomes = await pickItems(db, picks);
  for (const outcome of outcomes)
    if (outcome === "busy" || "refused" in outcome) throw new Error(JSON.stringify(outcome));
  await completePickingTask(db, freshCall(), { task_id, actor });
  return packingTaskOf(db, order_id);
}

async function pickingTaskOf(db: Database, order_id: bigint): Promise<bigint> {
  const { rows } = await sql<{
    id: bigint;
  }>`select id from picking_tasks where order_id = ${order_id}`.execute(db);
  return (rows[0] as { id: bigint }).id;
}

async function packingTaskOf(db: Database, order_id: bigint): Promise<bigint> {
  const { rows } = await sql<{
    id: bigint;
  }>`select id from packing_tasks where order_id = ${order_id}`.execute(db);
  return (rows[0] as { id: bigint }).id;
}

export function startPacking(db: Database, task_id: bigint): Promise<PackingTaskView> {
  return startPackingTask(db, freshCall(), { task_id, worker_id: WORKER_ID, actor: OPERATOR });
}

/** From picked to packed, measured as one box; its label is still to be bought. */
export async function packWhole(db: Database, task_id: bigint): Promise<PackingTaskView> {
  await startPacking(db, task_id);
  await setPackageDetails(db, freshCall(), { task_id, ...BOX, actor: OPERATOR });
  return completePackingTask(db, freshCall(), { task_id, actor: OPERATOR });
}

/** Does what the label job would do, now. */
export async function labelled(db: Database, task: PackingTaskView): Promise<bigint> {
  const shipment_id = task.shipment_id as bigint;
  await buyLabel(db, mockCarriers(), { shipment_id });
  return shipment_id;
}

/** An order whose parcel is ready for the carrier: packed and labelled. */
export async function readyParcel(db: Database, order_id: bigint, items: readonly TestItem[]) {
  const task_id = await pickedOrder(db, order_id, items);
  const task = await packWhole(db, task_id);
  const shipment_id = await labelled(db, task);
  return { order_id, task_id, shipment_id, fulfillment_id: task.fulfillment_id };
}

export async function shippedParcel(db: Database, order_id: bigint, items: readonly TestItem[]) {
  const parcel = await readyParcel(db, order_id, items);
  await shipPackingTask(db, freshCall(), { task_id: parcel.task_id, actor: OPERATOR });
  const { tracking_number } = await shipmentView(db, parcel.shipment_id);
  return { ...parcel, tracking_number: tracking_number as string };
}

/** A packing task in this status, by the shortest way. */
export async function packingTaskIn(
  db: Database,
  status: PackingTaskStatus,
  order_id: bigint,
  items: readonly TestItem[],
): Promise<bigint> {
  if (status === "shipped") return (await shippedParcel(db, order_id, items)).task_id;
  if (status === "packed") return (await readyParcel(db, order_id, items)).task_id;
  const task_id = await pickedOrder(db, order_id, items);
  if (status === "in_progress") await startPacking(db, task_id);
  if (status === "cancelled") await cancelPackingTask(db, freshCall(), { task_id, reason: "test" });
  return task_id;
}

/** Types of what was published about an order, in order. */
export async function eventsOf(db: Database, order_id: bigint): Promise<string[]> {
  const { rows } = await sql<{ type: string }>`
    select type from outbox where payload->>'order_id' = ${String(order_id)} order by position`.execute(db);
  return rows.map((row) => row.type);
}
