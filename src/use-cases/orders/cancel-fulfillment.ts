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
import { DomainError } from "../../domain/errors.ts";
import { type DomainEvent, event } from "../../domain/events.ts";
import { fulfillmentMachine } from "../../domain/machines.ts";
import { transition } from "../../domain/state-machine.ts";
import type { ShipmentStatus } from "../../domain/vocabulary.ts";
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
 * afterwards. Throws ILLEGAL_TRANSITION when a fulfillment, or a part of it, is with the carrier.
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
  refuseSent(parts, items);
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

/**
 * A parcel that is with its carrier goes its way: which of the goods are in it, also when nobody has booked them as
 * picked, they are not here to be put back or promised to others. Where no goods are, there is nothing to get wrong.
 */
function refuseSent(parts: readonly CancellablePart[], items: readonly PickedItem[]): void {
  const holding = new Set(items.map((item) => item.task_id));
  for (const { fulfillment_id, status, picking_task_id, sent_shipment_id, sent_status } of parts) {
    if (sent_shipment_id === null || sent_status === null) continue;
    if (picking_task_id === null || !holding.has(picking_task_id)) continue;
    const part = { resource: "fulfillment" as const, id: fulfillment_id, from: status };
    throw sentAlready(part, { id: sent_shipment_id, status: sent_status });
  }
}

/** The refusal to cancel something of which a shipment is with its carrier. */
export function sentAlready(
  { resource, id, from }: { resource: "order" | "fulfillment"; id: bigint; from: string },
  sent: { id: bigint; status: ShipmentStatus },
): DomainError {
  return new DomainError(
    "ILLEGAL_TRANSITION",
    `${resource} ${id} is ${from}, but its shipment ${sent.id} is ${sent.status}: what is with the carrier goes its way`,
    {
      resource,
      id,
      from,
      to: "cancelled",
      action: "cancel",
      shipment_id: sent.id,
      shipment_status: sent.status,
    },
  );
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
    ...shipments.map((shipment) => shipmentCancelled(shipment, reason)),
    ...parts.map((part) =>
      fulfillmentChanged({ ...part, id: part.fulfillment_id }, part.status, "cancelled"),
    ),
  ];
}

export function shipmentCancelled(
  { id, order_id, carrier_code, tracking_number }: CancelledShipment,
  reason: string,
): DomainEvent {
  return event("shipment.cancelled", { shipment_id: id, order_id, carrier_code, tracking_number, reason });
}
