import { insertPackingTask, type PickingSource } from "../../db/packing.ts";
import type { Transaction } from "../../db/transaction.ts";
import { type DomainEvent, event } from "../../domain/events.ts";

/**
 * Makes the packing task of a locked, completed picking task. No task when nothing was picked.
 * Shared by CompletePickingTask and CreatePackingTask.
 */
export async function openPackingTask(
  trx: Transaction,
  source: PickingSource,
): Promise<{ task_id: bigint | undefined; events: DomainEvent[] }> {
  const task_id = await insertPackingTask(trx, source);
  if (task_id === undefined) return { task_id, events: [] };
  const { order_id, warehouse_id } = source;
  return { task_id, events: [event("packing.created", { task_id, order_id, warehouse_id })] };
}
