import {
  type CancellablePart,
  type CancelledShipment,
  cancelLineUnits,
  cancelShipments,
  cancelTasks,
  lockItems,
  lockParts,
  type PickedItem,
} from "../../db/cancellation.ts";
import { updateFulfillments } from "../../db/fulfillments.ts";
import { dropEndedReservations, type OpenReservation, releaseReservations } from "../../db/reservations.ts";
import { lockListings, lockLotsById, wakeBackorders } from "../../db/stock.ts";
import type { Transaction } from "../../db/transaction.ts";
import { type DomainEvent, event } from "../../domain/events.ts";
import { fulfillmentMachine } from "../../domain/machines.ts";
import { transition } from "../../domain/state-machine.ts";
import { fulfillmentChanged } from "./progress.ts";
import { stockEvents } from "./promise-stock.ts";
import { putBackPicked } from "./put-back.ts";

export function cancelFulfillment(
  trx: Transaction,
  fulfillment_id: bigint,
  reason: string,
): Promise<DomainEvent[]> {
  return cancelFulfillments(trx, [fulfillment_id], reason);
}

/**
 * Undoes fulfillments that have not left the house: tasks and shipments cancelled, reservations released, picked goods
 * sent to the put-back place, their units cancelled on the order's lines. `waiting` is what else is released under the
 * same locks: stock held for orders that no picker was sent for. The orders' rows must be locked; project them
 * afterwards. Throws ILLEGAL_TRANSITION when a fulfillment has been shipped.
 */
export async function cancelFulfillments(
  trx: Transaction,
  fulfillment_ids: readonly bigint[],
  reason: string,
  waiting: readonly OpenReservation[] = [],
): Promise<DomainEvent[]> {
  if (fulfillment_ids.length === 0 && waiting.length === 0) return [];
  const parts = await lockParts(trx, fulfillment_ids);
  for (const part of parts) transition(fulfillmentMachine, part.status, "cancel", part.fulfillment_id);
  const tasks = parts.flatMap((part) => part.picking_task_id ?? []);
  const items = (await lockItems(trx, tasks)).filter((item) => item.open_quantity + item.quantity_picked > 0);
  const freed = await undoItems(trx, items, waiting, reason);
  const ids = parts.map((part) => part.fulfillment_id);
  await cancelTasks(trx, ids, reason);
  const shipments = await cancelShipments(trx, ids, reason);
  await updateFulfillments(
    trx,
    ids.map((id) => ({ id, status: "cancelled" as const })),
  );
  return [...freed, ...cancellationEvents(parts, shipments, reason)];
}

async function undoItems(
  trx: Transaction,
  items: readonly PickedItem[],
  waiting: readonly OpenReservation[],
  reason: string,
): Promise<DomainEvent[]> {
  if (items.length === 0 && waiting.length === 0) return [];
  const listings = [...new Set([...items, ...waiting].map((item) => item.listing_id))];
  await lockListings(trx, listings);
  await lockLotsById(
    trx,
    [...items, ...waiting].map((item) => item.product_location_id),
  );
  const held = await dropEndedReservations(trx, waiting);
  const released = await releaseReservations(trx, [
    ...items.map((item) => ({ reservation_id: item.reservation_id, quantity: item.open_quantity })),
    ...held.map((hold) => ({ reservation_id: hold.id, quantity: hold.open_quantity })),
  ]);
  await putBackPicked(
    trx,
    items.map((item) => ({ item, quantity: item.quantity_picked })),
    reason,
  );
  await cancelLineUnits(
    trx,
    items.map((item) => ({
      id: item.order_item_id,
      put_back: item.quantity_picked,
      cancelled: item.quantity_picked + item.open_quantity,
    })),
  );
  await wakeBackorders(trx, listings);
  return stockEvents("inventory.released", released, { reason });
}

function cancellationEvents(
  parts: readonly CancellablePart[],
  shipments: readonly CancelledShipment[],
  reason: string,
): DomainEvent[] {
  return [
    ...parts.flatMap(({ picking_task_id, picking_status, order_id, warehouse_id }) =>
      picking_task_id !== null && picking_status !== "completed"
        ? event("picking.cancelled", { task_id: picking_task_id, order_id, warehouse_id, reason })
        : [],
    ),
    ...parts.flatMap(({ packing_task_id, order_id, warehouse_id }) =>
      packing_task_id !== null
        ? event("packing.cancelled", { task_id: packing_task_id, order_id, warehouse_id, reason })
        : [],
    ),
    ...shipments.map(({ id, order_id, carrier_code, tracking_number }) =>
      event("shipment.cancelled", { shipment_id: id, order_id, carrier_code, tracking_number, reason }),
    ),
    ...parts.map((part) =>
      fulfillmentChanged({ ...part, id: part.fulfillment_id }, part.status, "cancelled"),
    ),
  ];
}
