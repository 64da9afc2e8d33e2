import { findUnknownWarehouse } from "../../db/catalogue.ts";
import type { Database } from "../../db/database.ts";
import { type Call, once } from "../../db/idempotency.ts";
import { findOrderWithShipments, type OrderWithShipments } from "../../db/order-views.ts";
import { orderNotFound } from "../../db/orders.ts";
import { appendEvents } from "../../db/outbox.ts";
import { DomainError } from "../../domain/errors.ts";
import type { DomainEvent } from "../../domain/events.ts";
import type { ConfirmedOrder } from "../../domain/order-event.ts";
import { takeOrders } from "./take-orders.ts";

/** ConfirmOrder: what `order.confirmed` does, for one order, with its answer. A known order is returned as it is. */
export async function confirmOrder(
  db: Database,
  call: Call,
  order: ConfirmedOrder,
): Promise<OrderWithShipments> {
  return once(db, call, async (trx) => {
    const unknown = await findUnknownWarehouse(
      trx,
      order.items.flatMap((item) => item.warehouse_id ?? []),
    );
    if (unknown !== undefined)
      throw new DomainError("WAREHOUSE_NOT_FOUND", `no warehouse ${unknown}`, { warehouse_id: unknown });
    const events = await takeOrders(trx, [order], []);
    refuseRejection(events);
    await appendEvents(trx, events);
    const view = await findOrderWithShipments(trx, order.order_id);
    if (!view) throw orderNotFound(order.order_id);
    return view;
  });
}

/** A caller who waits for the answer learns of the shortage at once, and nothing is kept. */
function refuseRejection(events: readonly DomainEvent[]): void {
  const rejected = events.find((event) => event.type === "order.rejected");
  if (!rejected) return;
  const [first] = JSON.parse(rejected.fields["items"] ?? "[]") as Record<string, string>[];
  const { listing_id = "", requested = "", available = "" } = first ?? {};
  throw new DomainError(
    "INSUFFICIENT_STOCK",
    `listing ${listing_id}: ${requested} wanted, ${available} available, and the order's policy is to refuse it then`,
    { listing_id, requested, available },
  );
}
