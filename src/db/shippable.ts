import { sql } from "kysely";
import { DomainError } from "../domain/errors.ts";
import type { FulfillmentStatus } from "../domain/vocabulary.ts";
import type { Transaction } from "./transaction.ts";

export interface FulfillmentState {
  id: bigint;
  order_id: bigint;
  warehouse_id: bigint | null;
  status: FulfillmentStatus;
  packed_task_id: bigint | null;
  /** Those that were not cancelled. */
  shipment_ids: bigint[];
}

export async function findFulfillment(trx: Transaction, id: bigint): Promise<FulfillmentState> {
  const [row] = await selectStates(trx, sql`f.id = ${id}`);
  if (!row) throw new DomainError("FULFILLMENT_NOT_FOUND", `no fulfillment ${id}`, { fulfillment_id: id });
  return row;
}

/** Oldest first. */
export async function listOrderFulfillments(trx: Transaction, order_id: bigint): Promise<FulfillmentState[]> {
  return selectStates(trx, sql`f.order_id = ${order_id}`);
}

async function selectStates(
  trx: Transaction,
  condition: ReturnType<typeof sql>,
): Promise<FulfillmentState[]> {
  const { rows } = await sql<FulfillmentState & { shipments: string[] }>`
    select f.id, f.order_id, f.warehouse_id, f.status,
      (select task.id from packing_tasks task where task.fulfillment_id = f.id and task.status = 'packed') as packed_task_id,
      array(select s.id::text from shipments s where s.fulfillment_id = f.id and s.status <> 'cancelled' order by s.id) as shipments
    from fulfillments f where ${condition} order by f.id`.execute(trx);
  return rows.map(({ shipments, ...row }) => ({ ...row, shipment_ids: shipments.map(BigInt) }));
}
