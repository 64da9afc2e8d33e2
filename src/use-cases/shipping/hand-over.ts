import { insertShipmentEvents, type ShipmentRow, updateShipmentStatuses } from "../../db/shipments.ts";
import type { Transaction } from "../../db/transaction.ts";
import { type DomainEvent, event } from "../../domain/events.ts";
import type { ShipmentStatus } from "../../domain/vocabulary.ts";
import { projectOrders } from "../orders/progress.ts";
import { settleFulfillments } from "./settle-fulfillments.ts";

export interface HandOver {
  shipment: ShipmentRow;
  at: Date;
}

/** Locked shipments are with the carrier now: ready → shipped. Their fulfillments do not follow yet. */
export async function markShipped(trx: Transaction, handOvers: readonly HandOver[]): Promise<DomainEvent[]> {
  await updateShipmentStatuses(
    trx,
    handOvers.map(({ shipment, at }) => ({ id: shipment.id, status: "shipped" as const, shipped_at: at })),
  );
  await insertShipmentEvents(
    trx,
    handOvers.map(({ shipment, at }) => ({
      shipment_id: shipment.id,
      event_type: "STATUS_UPDATED" as const,
      payload: { from: shipment.status, to: "shipped", occurred_at: at.toISOString() },
    })),
  );
  return handOvers.map(({ shipment }) => shipmentChanged(shipment, shipment.status, "shipped"));
}

/**
 * The carrier has these locked, ready shipments: ships them, and with them the packing tasks and fulfillments of which
 * nothing stays behind. Shared by ShipPackingTask and AssignTracking. The orders' rows must be locked.
 */
export async function handOver(trx: Transaction, shipments: readonly ShipmentRow[], at: Date): Promise<DomainEvent[]> {
  const shipped = await markShipped(trx, shipments.map((shipment) => ({ shipment, at })));
  return [...shipped, ...(await settleShipments(trx, shipments))];
}

/** Brings what hangs on changed shipments up to date: their fulfillments, then their orders. */
export async function settleShipments(trx: Transaction, shipments: readonly ShipmentRow[]): Promise<DomainEvent[]> {
  const fulfillments = [...new Set(shipments.flatMap((shipment) => shipment.fulfillment_id ?? []))];
  const settled = await settleFulfillments(trx, fulfillments);
  const orders = [...new Set(shipments.map((shipment) => shipment.order_id))];
  return [...settled, ...(await projectOrders(trx, orders))];
}

export function shipmentChanged(shipment: ShipmentRow, from: ShipmentStatus, to: ShipmentStatus): DomainEvent {
  return event("shipment.status_changed", {
    shipment_id: shipment.id,
    order_id: shipment.order_id,
    tracking_number: shipment.tracking_number,
    carrier_code: shipment.carrier_code,
    from_status: from,
    to_status: to,
  });
}
