import { insertShipmentEvents } from "../../db/shipment-events.ts";
import { type ShipmentRow, type StatusChange, updateShipmentStatuses } from "../../db/shipments.ts";
import {
  insertTrackingEvents,
  listShipmentFacts,
  type NewTrackingEvent,
  type TrackingEventRow,
} from "../../db/tracking.ts";
import type { Transaction } from "../../db/transaction.ts";
import { type DomainEvent, event } from "../../domain/events.ts";
import { trackedState } from "../../domain/tracking.ts";
import type { ShipmentStatus } from "../../domain/vocabulary.ts";
import { markShipped, settleShipments, shipmentChanged } from "./hand-over.ts";

interface Move {
  shipment: ShipmentRow;
  from: ShipmentStatus;
  to: ShipmentStatus;
  delivered_at: Date | null;
}

/**
 * Records facts about locked shipments, whose orders are locked too, and lets the shipments' statuses be what all facts
 * so far mean together. The first sign of possession hands a shipment over.
 */
export async function followFacts(
  trx: Transaction,
  shipments: readonly ShipmentRow[],
  facts: readonly NewTrackingEvent[],
): Promise<DomainEvent[]> {
  const recorded = await insertTrackingEvents(trx, facts);
  if (recorded.length === 0) return [];
  const touched = new Set(recorded.map((row) => row.shipment_id));
  const orderOf = new Map(shipments.map(({ id, order_id }) => [id, order_id]));
  const live = shipments.filter(({ id, status }) => touched.has(id) && status !== "cancelled");
  const { handedOver, moves } = await deriveMoves(trx, live);
  const shipped = await markShipped(trx, handedOver);
  await storeMoves(trx, moves);
  const settled = await settleShipments(trx, live);
  return [
    ...recorded.map((row) => trackingUpdated(row, orderOf.get(row.shipment_id))),
    ...shipped,
    ...moveEvents(moves, recorded),
    ...settled,
  ];
}

async function deriveMoves(trx: Transaction, shipments: readonly ShipmentRow[]) {
  const stated = await listShipmentFacts(
    trx,
    shipments.map((shipment) => shipment.id),
  );
  const derived = shipments.flatMap((shipment) => {
    const { package_ids = [], facts = [] } = stated.get(shipment.id) ?? {};
    const state = trackedState(package_ids, facts);
    return state ? [{ shipment, state }] : [];
  });
  const handedOver = derived
    .filter(({ shipment }) => shipment.status === "ready")
    .map(({ shipment, state }) => ({ shipment, at: state.handed_over_at }));
  const moves = derived.flatMap(({ shipment, state }): Move[] => {
    const from = shipment.status === "ready" ? "shipped" : shipment.status;
    return state.status === from
      ? []
      : [{ shipment, from, to: state.status, delivered_at: state.delivered_at }];
  });
  return { handedOver, moves };
}

async function storeMoves(trx: Transaction, moves: readonly Move[]): Promise<void> {
  await updateShipmentStatuses(
    trx,
    moves.map(
      ({ shipment, to, delivered_at }): StatusChange => ({ id: shipment.id, status: to, delivered_at }),
    ),
  );
  await insertShipmentEvents(
    trx,
    moves.flatMap(({ shipment, from, to, delivered_at }) => [
      { shipment_id: shipment.id, event_type: "STATUS_UPDATED" as const, payload: { from, to } },
      ...(delivered_at
        ? [
            {
              shipment_id: shipment.id,
              event_type: "DELIVERED_CONFIRMED" as const,
              payload: { delivered_at: delivered_at.toISOString() },
            },
          ]
        : []),
    ]),
  );
}

function trackingUpdated(row: TrackingEventRow, order_id: bigint | undefined): DomainEvent {
  return event("tracking.updated", {
    shipment_id: row.shipment_id,
    order_id,
    tracking_number: row.tracking_number,
    tracking_event_id: row.id,
    package_id: row.package_id ?? 0n,
    carrier_code: row.carrier_code,
    status: row.status,
    raw_code: row.raw_code,
    description: row.description,
    location: row.location,
    occurred_at: unixSeconds(row.occurred_at),
  });
}

function moveEvents(moves: readonly Move[], recorded: readonly TrackingEventRow[]): DomainEvent[] {
  return moves.flatMap(({ shipment, from, to, delivered_at }) => {
    const { id: shipment_id, order_id, tracking_number, carrier_code } = shipment;
    const subject = { shipment_id, order_id, tracking_number };
    const changed = shipmentChanged(shipment, from, to);
    if (delivered_at)
      return [changed, event("shipment.delivered", { ...subject, delivered_at: unixSeconds(delivered_at) })];
    if (to !== "exception") return [changed];
    const told = recorded.findLast((row) => row.shipment_id === shipment_id);
    const { raw_code, description } = told ?? {};
    return [changed, event("shipment.exception", { ...subject, carrier_code, raw_code, description })];
  });
}

function unixSeconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}
