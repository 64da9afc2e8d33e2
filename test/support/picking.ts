import { sql } from "kysely";
import type { Database } from "../../src/db/database.ts";
import { type PickingTaskView, pickingTaskView } from "../../src/db/picking-views.ts";
import { findPickingTaskOfOrder } from "../../src/db/task-lists.ts";
import { DomainError } from "../../src/domain/errors.ts";
import type { Actor } from "../../src/domain/ownership.ts";
import type { OrderPolicy, PickingTaskStatus } from "../../src/domain/vocabulary.ts";
import { takeOrderEvents } from "../../src/use-cases/orders/take-order-events.ts";
import { assignPickingTask } from "../../src/use-cases/picking/assign-picking-task.ts";
import { cancelPickingTask } from "../../src/use-cases/picking/cancel-picking-task.ts";
import { completePickingTask } from "../../src/use-cases/picking/complete-picking-task.ts";
import type { PickRequest } from "../../src/use-cases/picking/pick-request.ts";
import { skipPickingItem } from "../../src/use-cases/picking/skip-picking-item.ts";
import { startPickingTask } from "../../src/use-cases/picking/start-picking-task.ts";
import { confirmed, freshCall, type TestItem } from "./world.ts";

export const OPERATOR: Actor = { role: "operator" };
export const WORKER = 7n;

export function worker(workerId: bigint): Actor {
  return { role: "worker", workerId };
}

let nextOrder = 1_000n;

/** An order's picking task, brought to a status by the calls that lead there. Stock must lie ready. */
export async function makeTask(
  db: Database,
  items: readonly TestItem[],
  status: PickingTaskStatus = "in_progress",
  policy: OrderPolicy = "backorder",
): Promise<PickingTaskView> {
  const order_id = nextOrder++;
  await takeOrderEvents(db, [confirmed(order_id, items, policy)]);
  const found = await findPickingTaskOfOrder(db, order_id);
  if (!found) throw new Error(`order ${order_id} got no picking task: is there stock?`);
  const task_id = found.id;
  if (status === "cancelled") await cancelPickingTask(db, freshCall(), { task_id, reason: "test" });
  if (status === "pending" || status === "cancelled") return pickingTaskView(db, task_id);
  await assignPickingTask(db, freshCall(), { task_id, worker_id: WORKER, actor: OPERATOR });
  if (status !== "assigned") await startPickingTask(db, freshCall(), { task_id, actor: OPERATOR });
  if (status === "completed") {
    for (const item of (await pickingTaskView(db, task_id)).items)
      await skipPickingItem(db, freshCall(), { task_id, item_id: item.id, reason: "", actor: OPERATOR });
    await completePickingTask(db, freshCall(), { task_id, actor: OPERATOR });
  }
  return pickingTaskView(db, task_id);
}

/** A pick of `quantity` units by an operator, with a request id of its own. */
export function pickOf(
  item: { id: bigint; task_id: bigint },
  quantity: number,
  more: Partial<PickRequest["pick"]> = {},
  actor: Actor = OPERATOR,
): PickRequest {
  return {
    call: freshCall("PickItem"),
    actor,
    task_id: item.task_id,
    item_id: item.id,
    pick: { quantity, ...more },
  };
}

/** The refusal that a call ends in. */
export async function refusal(call: Promise<unknown>): Promise<DomainError> {
  const outcome = await call.then(
    () => new Error("it was not refused"),
    (error: unknown) => error,
  );
  if (outcome instanceof DomainError) return outcome;
  throw outcome;
}

/** What must be true whatever happened, counted by rows that break it. */
export async function brokenLaws(db: Database): Promise<Record<string, number>> {
  const { rows } = await sql<Record<string, number>>`select
    (select count(*)::int from product_locations lot where quantity <>
      (select coalesce(sum(quantity), 0) from inventory_movements where to_product_location_id = lot.id) -
      (select coalesce(sum(quantity), 0) from inventory_movements where from_product_location_id = lot.id)) as ledger,
    (select count(*)::int from product_locations lot where reserved_quantity <>
      (select coalesce(sum(open_quantity), 0) from wms_reservations r
       where r.product_location_id = lot.id and status = 'pending')) as reserved,
    (select count(*)::int from order_items line where allocated_quantity <> picked_quantity +
      (select coalesce(sum(open_quantity), 0) from wms_reservations r
       where r.order_item_id = line.id and status = 'pending')) as promised,
    (select count(*)::int from order_items line where picked_quantity <> (
      select coalesce(sum(case when from_place = 'shelf' then quantity else -quantity end), 0) from inventory_movements m
      where m.order_id = line.order_id and 'packing' in (from_place, to_place) and m.listing_id = line.listing_id)
      and not exists (select from order_items twin where twin.order_id = line.order_id
                      and twin.listing_id = line.listing_id and twin.id <> line.id)) as picked,
    (select count(*)::int from picking_tasks task where
      (total_items, picked_items) <> (select count(*), count(*) filter (where status <> 'pending')
                                      from picking_task_items item where item.task_id = task.id)
      and status <> 'cancelled') as progress,
    (select count(*)::int from (select from picking_task_items group by task_id, sequence having count(*) > 1) twice)
      as sequences`.execute(db);
  return Object.fromEntries(Object.entries(rows[0] ?? {}).filter(([, count]) => count > 0));
}

/** Types of the events that wait for the relay, oldest first, of one order. */
export async function eventsOf(db: Database, order_id: bigint): Promise<string[]> {
  const { rows } = await sql<{ type: string }>`
    select type from outbox where payload ->> 'order_id' = ${String(order_id)} order by position`.execute(db);
  return rows.map((row) => row.type);
}
