import { databaseTime } from "../../db/clock.ts";
import type { Database } from "../../db/database.ts";
import { type Call, once } from "../../db/idempotency.ts";
import { lockOrder } from "../../db/orders.ts";
import { appendEvents } from "../../db/outbox.ts";
import { type ShipmentView, shipmentView } from "../../db/shipment-views.ts";
import { findShipmentOrder, lockShipment, type ShipmentRow } from "../../db/shipments.ts";
import type { NewTrackingEvent } from "../../db/tracking.ts";
import type { Transaction } from "../../db/transaction.ts";
import { DomainError, invalidField } from "../../domain/errors.ts";
import { shipmentMachine } from "../../domain/machines.ts";
import { actionBetween } from "../../domain/state-machine.ts";
import type { ShipmentStatus, TrackingStatus } from "../../domain/vocabulary.ts";
import { followFacts } from "./follow-facts.ts";
import { handOver } from "./hand-over.ts";
import { dedupeKey } from "./record-tracking.ts";

export interface StatedStatus {
  shipment_id: bigint;
  status: ShipmentStatus;
  /** null: now. */
  occurred_at: Date | null;
  note: string;
}

/** Somebody states where a shipment is, in the place of its carrier: a fact like the carrier's own. */
export async function updateShipmentStatus(
  db: Database,
  call: Call,
  stated: StatedStatus,
): Promise<ShipmentView> {
  return once(db, call, async (trx) => {
    await lockOrder(trx, await findShipmentOrder(trx, stated.shipment_id));
    const shipment = await lockShipment(trx, stated.shipment_id);
    const occurred_at = await momentOf(trx, stated);
    if (shipment.status === stated.status) return shipmentView(trx, shipment.id);
    assertReachable(shipment, stated.status);
    assertNumbered(shipment);
    const events =
      stated.status === "shipped"
        ? await handOver(trx, [shipment], { at: occurred_at, note: stated.note })
        : await followFacts(trx, [shipment], [manualFact(shipment, { ...stated, occurred_at })]);
    await appendEvents(trx, events);
    return shipmentView(trx, shipment.id);
  });
}

/** A fact of the future would outrank all that carriers state until then. */
async function momentOf(trx: Transaction, { occurred_at }: StatedStatus): Promise<Date> {
  const now = await databaseTime(trx);
  if (occurred_at && occurred_at > now) throw invalidField("occurred_at", "must not lie in the future");
  return occurred_at ?? now;
}

function assertReachable({ id, status }: ShipmentRow, wanted: ShipmentStatus): void {
  if (wanted !== "cancelled" && actionBetween(shipmentMachine, status, wanted) !== undefined) return;
  const would = shipmentMachine.statuses.filter(
    (next) => next !== "cancelled" && actionBetween(shipmentMachine, status, next) !== undefined,
  );
  const hint =
    wanted === "cancelled" ? "CancelShipment cancels" : `${would.join(", ") || "nothing"} would be allowed`;
  throw new DomainError(
    "ILLEGAL_TRANSITION",
    `shipment ${id} is ${status} and cannot become ${wanted}: ${hint}`,
    {
      resource: "shipment",
      id,
      from: status,
      to: wanted,
      action: "update_status",
    },
  );
}

/** A parcel that leaves the house needs a number to be found by. */
function assertNumbered({ id, fulfillment_id, tracking_number }: ShipmentRow): void {
  if (tracking_number !== null || fulfillment_id === null) return;
  throw new DomainError(
    "TRACKING_NUMBER_MISSING",
    `shipment ${id} has no tracking number yet: assign one first`,
    {
      shipment_id: id,
    },
  );
}

/** `delivery_attempted` and the like are carriers' words; by hand, a shipment's own statuses are stated. */
function manualFact(
  shipment: ShipmentRow,
  { status, occurred_at, note }: StatedStatus & { occurred_at: Date },
): NewTrackingEvent {
  const fact = {
    carrier_code: shipment.carrier_code,
    tracking_number: shipment.tracking_number ?? "",
    raw_code: `manual:${status}`,
    location: "",
    occurred_at,
  };
  return {
    ...fact,
    shipment_id: shipment.id,
    package_id: null,
    status: status as TrackingStatus,
    description: note,
    source: "manual",
    dedupe_key: dedupeKey(fact),
  };
}
