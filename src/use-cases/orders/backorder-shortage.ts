import type { Transaction } from "../../db/transaction.ts";
import type { DomainEvent } from "../../domain/events.ts";
import { launchFulfillments } from "./launch-fulfillments.ts";

/** After a shortage appeared on a live order: shows it as a backordered fulfillment. The order's row must be locked. */
export function ensureBackorder(trx: Transaction, order_id: bigint): Promise<DomainEvent[]> {
  return launchFulfillments(trx, [order_id]);
}
