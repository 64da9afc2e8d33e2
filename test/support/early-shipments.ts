import { sql } from "kysely";
import type { Database } from "../../src/db/database.ts";
import { type PickingTaskView, pickingTaskView } from "../../src/db/picking-views.ts";
import { assignPickingTask } from "../../src/use-cases/picking/assign-picking-task.ts";
import { completePickingTask } from "../../src/use-cases/picking/complete-picking-task.ts";
import { pickItems } from "../../src/use-cases/picking/pick-items.ts";
import { reportShortPick } from "../../src/use-cases/picking/report-short-pick.ts";
import { startPickingTask } from "../../src/use-cases/picking/start-picking-task.ts";
import { assignTracking } from "../../src/use-cases/shipping/assign-tracking.ts";
import { OPERATOR, WORKER_ID } from "./parcels.ts";
import { freshCall } from "./world.ts";

/** What stands of an order: its own status, and those of its parts, oldest first. */
export async function statusOf(db: Database, order_id: bigint) {
  const { rows } = await sql<{ order: string; fulfillments: string[]; shipments: string[] }>`
    select o.status as order,
      array(select f.status from fulfillments f where f.order_id = o.order_id order by f.id) as fulfillments,
      array(select s.status from shipments s where s.order_id = o.order_id order by s.id) as shipments
    from orders o where o.order_id = ${order_id}`.execute(db);
  return rows[0];
}

/** The picking tasks of an order, oldest first. */
export async function pickingTasksOf(db: Database, order_id: bigint): Promise<bigint[]> {
  const { rows } = await sql<{ id: bigint }>`
    select id from picking_tasks where order_id = ${order_id} order by id`.execute(db);
  return rows.map((row) => row.id);
}

export async function packingTasksOf(db: Database, order_id: bigint): Promise<bigint[]> {
  const { rows } = await sql<{ id: bigint }>`
    select id from packing_tasks where order_id = ${order_id} and status <> 'cancelled' order by id`.execute(
    db,
  );
  return rows.map((row) => row.id);
}

export async function startPicking(db: Database, task_id: bigint): Promise<PickingTaskView> {
  await assignPickingTask(db, freshCall(), { task_id, worker_id: WORKER_ID, actor: OPERATOR });
  await startPickingTask(db, freshCall(), { task_id, actor: OPERATOR });
  return pickingTaskView(db, task_id);
}

/** Brings all that is still to be brought, and no more than `found` of each listing that is named. */
export async function pickFound(
  db: Database,
  task_id: bigint,
  found: ReadonlyMap<bigint, number> = new Map(),
): Promise<void> {
  const left = new Map(found);
  for (;;) {
    const { items } = await pickingTaskView(db, task_id);
    const item = items.find(({ status }) => status === "pending");
    if (!item) return;
    const there = Math.min(left.get(item.listing_id) ?? item.quantity_required, item.quantity_required);
    if (left.has(item.listing_id)) left.set(item.listing_id, (left.get(item.listing_id) ?? 0) - there);
    const request = { call: freshCall("PickItem"), actor: OPERATOR, task_id, item_id: item.id };
    if (there < item.quantity_required)
      await reportShortPick(db, { ...request, pick: { quantity: there, short_reason: "not there" } });
    else {
      const [outcome] = await pickItems(db, [{ ...request, pick: { quantity: there } }]);
      if (outcome === "busy" || (outcome && "refused" in outcome)) throw new Error(JSON.stringify(outcome));
    }
  }
}

/** A picker's whole walk, from the shelf of tasks to the packers' table. */
export async function pickWhole(
  db: Database,
  task_id: bigint,
  found: ReadonlyMap<bigint, number> = new Map(),
): Promise<void> {
  await startPicking(db, task_id);
  await pickFound(db, task_id, found);
  await completePickingTask(db, freshCall(), { task_id, actor: OPERATOR });
}

/** A number that somebody states: the shipment is with its carrier. */
export async function handOverByHand(db: Database, shipment_id: bigint): Promise<void> {
  const under = { carrier_code: "cj", tracking_number: `CJ-${shipment_id}` };
  await assignTracking(db, freshCall(), { shipment_id, ...under });
}
