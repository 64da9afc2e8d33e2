import { askForReports } from "../../db/channel-reports.ts";
import { insertShipmentEvents } from "../../db/shipment-events.ts";
import { type ShipmentRow, updateShipmentStatuses } from "../../db/shipments.ts";
import type { Transaction } from "../../db/transaction.ts";
import { type DomainEvent, event } from "../../domain/events.ts";
import type { ShipmentStatus } from "../../domain/vocabulary.ts";
import { projectOrders } from "../orders/progress.ts";
import { settleFulfillments } from "./settle-fulfillments.ts";

/** What is known of a handing over beside that it happened. */
interface HandOver {
  /** Left out: now. */
  at?: Date;
  /** Somebody's words about it; left out or empty: none. */
  note?: string;
}

/**
 * The carrier has these locked, ready shipments: ships them, and with them the packing tasks and fulfillments of which
 * nothing stays behind. The orders' rows must be locked.
 */
export async function handOver(
  trx: Transaction,
  shipments: readonly ShipmentRow[],
  known: HandOver = {},
): Promise<DomainEvent[]> {
  const shipped = await markShipped(
    trx,
    shipments.map((shipment) => ({ shipment, ...known })),
  );
  return [...shipped, ...(await settleShipments(trx, shipments))];
}

/** Locked shipments are with the carrier, since `at`: ready → shipped. Their fulfillments do not follow yet. */
export async function markShipped(
  trx: Transaction,
  handOvers: readonly ({ shipment: ShipmentRow } & HandOver)[],
): Promise<DomainEvent[]> {
  await updateShipmentStatuses(
    trx,
    handOvers.map(({ shipment, at }) => ({
      id: shipment.id,
      status: "shipped" as const,
      shipped_at: at ?? null,
    })),
  );
  await insertShipmentEvents(
    trx,
    handOvers.map(({ shipment, note }) => ({
      shipment_id: shipment.id,
      event_type: "STATUS_UPDATED" as const,
      payload: { from: shipment.status, to: "shipped", ...(note ? { note } : {}) },
    })),
  );
  return handOvers.map(({ shipment }) => shipmentChanged(shipment, shipment.status, "shipped"));
}

/** Brings what hangs on changed shipments up to date: their fulfillments, then their orders. */
export async function settleShipments(
  trx: Transaction,
  shipments: readonly ShipmentRow[],
): Promise<DomainEvent[]> {
  const fulfillments = [...new Set(shipments.flatMap((shipment) => shipment.fulfillment_id ?? []))];
  const settled = await settleFulfillments(trx, fulfillments);
  const orders = [...new Set(shipments.map((shipment) => shipment.order_id))];
  const projected = await projectOrders(trx, orders);
  await askForReports(trx, orders);
  return [...settled, ...projected];
}

export function shipmentChanged(
  shipment: ShipmentRow,
  from: ShipmentStatus,
  to: ShipmentStatus,
): DomainEvent {
  return event("shipment.status_changed", {
    shipment_id: shipment.id,
    order_id: shipment.order_id,
    tracking_number: shipment.tracking_number,
    carrier_code: shipment.carrier_code,
    from_status: from,
    to_status: to,
  });
}
