import { cancelShortages, listUnshippedFulfillments } from "../../db/cancellation.ts";
import { updateOrderStatuses } from "../../db/fulfillments.ts";
import type { OrderRow } from "../../db/orders.ts";
import { listUnattachedReservations } from "../../db/reservations.ts";
import type { Transaction } from "../../db/transaction.ts";
import type { DomainEvent } from "../../domain/events.ts";
import { openPacking } from "../packing/open-packing.ts";
import { cancelFulfillments } from "./cancel-fulfillment.ts";
import { orderChanged, projectOrders } from "./progress.ts";

/**
 * Cancels whole orders, as far as they have not left the house: what was shipped goes its way, and such an order is not
 * cancelled. An order that is not known but by this cancellation is remembered as cancelled, so that its confirmation,
 * when it comes, changes nothing. The rows must be locked.
 */
export async function cancelOrders(
  trx: Transaction,
  orders: readonly OrderRow[],
  reason: string,
): Promise<DomainEvent[]> {
  const live = orders.filter((order) => order.status !== "cancelled" && order.status !== "delivered");
  if (live.length === 0) return [];
  const ids = live.map((order) => order.order_id);
  const fulfillments = await listUnshippedFulfillments(trx, ids);
  const events = await cancelFulfillments(
    trx,
    fulfillments,
    reason,
    await listUnattachedReservations(trx, ids),
  );
  await cancelShortages(trx, ids);
  events.push(...(await openPacking(trx, ids))); // what goes its way waits for nothing else now
  const unknown = live.filter((order) => order.confirmed_at === null);
  await updateOrderStatuses(
    trx,
    unknown.map(({ order_id }) => ({ order_id, status: "cancelled" as const, reason })),
  );
  return [
    ...events,
    ...unknown.flatMap((order) => orderChanged({ order, from: "confirmed", to: "cancelled", reason })),
    ...(await projectOrders(trx, ids, reason)),
  ];
}
