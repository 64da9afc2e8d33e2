import { insertPackingTask, listPackable } from "../../db/packing.ts";
import type { Transaction } from "../../db/transaction.ts";
import { type DomainEvent, event } from "../../domain/events.ts";

/**
 * Gives picked goods of these orders to the packers, as far as their policy lets them go: an order that goes whole or
 * not at all is held until its last unit is picked. The orders' rows must be locked.
 */
export async function openPacking(trx: Transaction, order_ids: readonly bigint[]): Promise<DomainEvent[]> {
  const events: DomainEvent[] = [];
  for (const source of await listPackable(trx, order_ids)) {
    const task_id = await insertPackingTask(trx, source);
    const { order_id, warehouse_id, id: picking_task_id } = source;
    if (task_id !== undefined)
      events.push(event("packing.created", { task_id, order_id, warehouse_id, picking_task_id }));
  }
  return events;
}
