import {
  listOrdersLeaving,
  listSettlements,
  type SettlementRow,
  shipLines,
  shipPackingTasks,
} from "../../db/fulfillment-contents.ts";
import { updateFulfillments } from "../../db/fulfillments.ts";
import {
  dropEndedReservations,
  listUnattachedReservations,
  releaseReservations,
} from "../../db/reservations.ts";
import { insertMovements, lockListings, lockLotsById, wakeBackorders } from "../../db/stock.ts";
import type { Transaction } from "../../db/transaction.ts";
import { type DomainEvent, event } from "../../domain/events.ts";
import { followShipments } from "../../domain/fulfillment-progress.ts";
import { fulfillmentMachine } from "../../domain/machines.ts";
import type { FulfillmentStatus } from "../../domain/vocabulary.ts";
import { fulfillmentChanged } from "../orders/progress.ts";
import { stockEvents } from "../orders/promise-stock.ts";

/**
 * Lets fulfillments follow their shipments, after these were changed: all labelled → ready, all handed over → shipped
 * (goods leave packing for the customer), all at an end → completed. The orders' rows must be locked; project the
 * orders afterwards.
 */
export async function settleFulfillments(trx: Transaction, ids: readonly bigint[]): Promise<DomainEvent[]> {
  if (ids.length === 0) return [];
  const moves = (await listSettlements(trx, ids)).map((fulfillment) => ({
    fulfillment,
    path: followShipments(fulfillment.status, fulfillment.shipments, fulfillment.uncovered_units),
  }));
  const leaving = moves.filter(({ path }) => path.includes("ship")).map(({ fulfillment }) => fulfillment);
  const left = await leaveHouse(trx, leaving);
  const steps = moves.flatMap(({ fulfillment, path }) => stepsOf(fulfillment, path));
  await updateFulfillments(
    trx,
    steps.filter((step) => step.nth === 0),
  );
  await updateFulfillments(
    trx,
    steps.filter((step) => step.nth === 1),
  ); // shipped → completed, when it came to both at once
  return [
    ...left,
    ...steps.map(({ fulfillment, from, status }) => fulfillmentChanged(fulfillment, from, status)),
  ];
}

function stepsOf(fulfillment: SettlementRow, path: ReturnType<typeof followShipments>) {
  let from: FulfillmentStatus = fulfillment.status;
  return path.map((action, nth) => {
    const step = {
      id: fulfillment.id,
      fulfillment,
      nth,
      from,
      status: fulfillmentMachine.actions[action].to,
    };
    from = step.status;
    return step;
  });
}

/** Takes packed goods out of the house: ledger, order lines, packing tasks; nothing stays held for what has left. */
async function leaveHouse(trx: Transaction, fulfillments: readonly SettlementRow[]): Promise<DomainEvent[]> {
  if (fulfillments.length === 0) return [];
  const ids = fulfillments.map((fulfillment) => fulfillment.id);
  const order_ids = [...new Set(fulfillments.map((fulfillment) => fulfillment.order_id))];
  const released = await releaseLeftovers(trx, await listOrdersLeaving(trx, order_ids, ids));
  const tasks = await shipPackingTasks(trx, ids);
  const lines = await shipLines(trx, ids);
  await insertMovements(
    trx,
    lines.map(({ fulfillment_id, ...line }) => ({
      ...line,
      from_place: "packing" as const,
      to_place: "customer" as const,
      reason: "ship",
      reference: `fulfillment:${fulfillment_id}`,
    })),
  );
  return [
    ...released,
    ...tasks.map(({ id, order_id, tracking_number }) =>
      event("packing.shipped", { task_id: id, order_id, tracking_number }),
    ),
  ];
}

/** Holds that ReserveInventory made for an order end with it. */
async function releaseLeftovers(trx: Transaction, order_ids: readonly bigint[]): Promise<DomainEvent[]> {
  if (order_ids.length === 0) return [];
  const held = (await listUnattachedReservations(trx, order_ids)).filter((row) => row.hold_id !== null);
  if (held.length === 0) return [];
  const listings = held.map((row) => row.listing_id);
  await lockListings(trx, listings);
  await lockLotsById(
    trx,
    held.map((row) => row.product_location_id),
  );
  const open = await dropEndedReservations(trx, held);
  const released = await releaseReservations(
    trx,
    open.map((row) => ({ reservation_id: row.id, quantity: row.open_quantity })),
  );
  await wakeBackorders(trx, listings);
  return stockEvents("inventory.released", released, { reason: "the order has left the house" });
}
