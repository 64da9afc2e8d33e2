import { fulfillmentMachine } from "./machines.ts";
import { type ActionOf, canTransition } from "./state-machine.ts";
import { isTerminal } from "./tracking.ts";
import type { FulfillmentStatus, LabelStatus, ShipmentStatus } from "./vocabulary.ts";

export interface ShipmentPart {
  status: ShipmentStatus;
  label_status: LabelStatus;
  tracking_number: string | null;
}

/**
 * What a fulfillment's shipments have made true of it: the actions that it still has to take, in order.
 * Shipments that were cancelled count for nothing; while goods stand in no shipment it goes nowhere.
 */
export function followShipments(
  status: FulfillmentStatus,
  shipments: readonly ShipmentPart[],
  uncovered_units: number,
): ActionOf<typeof fulfillmentMachine>[] {
  const live = shipments.filter((shipment) => shipment.status !== "cancelled");
  if (live.length === 0 || uncovered_units > 0) return [];
  const actions: ActionOf<typeof fulfillmentMachine>[] = [];
  const take = (action: ActionOf<typeof fulfillmentMachine>) => {
    if (!canTransition(fulfillmentMachine, status, action)) return;
    actions.push(action);
    status = fulfillmentMachine.actions[action].to;
  };
  const handedOver = live.every((shipment) => shipment.status !== "ready");
  if (!handedOver && live.every(isLabelled)) take("make_ready");
  if (handedOver) take("ship");
  if (live.every((shipment) => isTerminal(shipment.status))) take("complete");
  return actions;
}

/** Its label was bought, or its number was given by hand: nothing keeps it from the carrier. */
function isLabelled(shipment: ShipmentPart): boolean {
  return shipment.label_status === "created" || shipment.tracking_number !== null;
}
