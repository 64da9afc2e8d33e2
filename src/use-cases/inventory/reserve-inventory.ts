import { findUnknownWarehouse } from "../../db/catalogue.ts";
import { databaseTime } from "../../db/clock.ts";
import type { Database } from "../../db/database.ts";
import { type Call, once } from "../../db/idempotency.ts";
import { findHoldView, type HoldView } from "../../db/inventory-views.ts";
import { lockOrders } from "../../db/orders.ts";
import { appendEvents } from "../../db/outbox.ts";
import { insertReservations } from "../../db/reservations.ts";
import { lockListings, lockLots } from "../../db/stock.ts";
import type { Transaction } from "../../db/transaction.ts";
import { allocate, StockBook } from "../../domain/allocation.ts";
import { DomainError, invalidField } from "../../domain/errors.ts";
import { event } from "../../domain/events.ts";

export interface HoldRequest {
  listing_id: bigint;
  warehouse_id: bigint;
  quantity: number;
  order_id: bigint;
  /** null: a day from now. */
  expires_at: Date | null;
}

/** How long a hold lasts when its maker does not say: a forgotten one must not keep stock for ever. */
const USUAL_HOLD_MS = 24 * 3_600_000;

/**
 * Holds units for an order before (or beside) its confirmation, all or nothing, in removal order. The confirmation
 * exchanges the hold for the order's lines; a hold that nobody confirms ends at `expires_at`.
 */
export async function reserveInventory(db: Database, call: Call, input: HoldRequest): Promise<HoldView> {
  return once(db, call, async (trx) => {
    await assertMayHold(trx, input);
    const { listing_id, warehouse_id, quantity, order_id } = input;
    const expires_at = await endOfHold(trx, input.expires_at);
    const strategies = await lockListings(trx, [listing_id]);
    if (!strategies.has(listing_id))
      throw new DomainError("LISTING_NOT_FOUND", `no listing ${listing_id} in the catalogue`, { listing_id });
    const book = new StockBook(await lockLots(trx, [listing_id]), strategies, new Map());
    const { allocations, shortages } = allocate(book, [{ key: null, listing_id, quantity, warehouse_id }]);
    const missing = shortages[0]?.quantity ?? 0;
    if (missing > 0) throw insufficient(input, quantity - missing);
    const rows = allocations.map((part) => ({
      listing_id,
      warehouse_id,
      order_id,
      order_item_id: null,
      product_location_id: part.lot.id,
      quantity: part.quantity,
    }));
    const [hold_id] = await insertReservations(trx, rows, expires_at);
    await appendEvents(trx, [event("inventory.reserved", { listing_id, warehouse_id, quantity, order_id })]);
    return (await findHoldView(trx, hold_id as bigint)) as HoldView;
  });
}

async function assertMayHold(trx: Transaction, { order_id, warehouse_id }: HoldRequest): Promise<void> {
  const [order] = await lockOrders(trx, [order_id]);
  if (order && ["cancelled", "shipped", "delivered"].includes(order.status))
    throw new DomainError(
      "ILLEGAL_TRANSITION",
      `order ${order_id} is ${order.status}: stock is held for orders that are confirmed, processing or ready_for_shipment`,
      { resource: "order", id: order_id, from: order.status, to: order.status },
    );
  if ((await findUnknownWarehouse(trx, [warehouse_id])) !== undefined)
    throw new DomainError("WAREHOUSE_NOT_FOUND", `no warehouse ${warehouse_id}`, { warehouse_id });
}

async function endOfHold(trx: Transaction, wanted: Date | null): Promise<Date> {
  const now = (await databaseTime(trx)).getTime();
  if (wanted && wanted.getTime() <= now) throw invalidField("expires_at", "must lie in the future");
  return wanted ?? new Date(now + USUAL_HOLD_MS);
}

function insufficient({ listing_id, warehouse_id, quantity }: HoldRequest, available: number): DomainError {
  return new DomainError(
    "INSUFFICIENT_STOCK",
    `listing ${listing_id} in warehouse ${warehouse_id}: ${quantity} wanted, ${available} available`,
    { listing_id, warehouse_id, requested: quantity, available },
  );
}
