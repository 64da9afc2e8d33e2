import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { COMMITTED_SHIPMENT_EVENTS, type CommittedShipmentEvent } from "../db/committed.ts";
import type { Logger } from "../logger.ts";

/** A line for whatever happens to a shipment in this process, once it is committed. Returns how to stop. */
export function logShipments(logger: Logger): () => void {
  const log = (message: unknown) => {
    for (const event of message as CommittedShipmentEvent[]) logger.info(lineOf(event), "a shipment changed");
  };
  subscribe(COMMITTED_SHIPMENT_EVENTS, log);
  return () => void unsubscribe(COMMITTED_SHIPMENT_EVENTS, log);
}

/** Without addresses and the like: payloads are not logged. */
function lineOf(event: CommittedShipmentEvent): object {
  const { shipment_id, order_id, carrier_code, tracking_number, event_type, payload, request_id } = event;
  const transition = transitionOf(event_type, payload);
  return {
    event: event_type,
    shipment_id: String(shipment_id),
    ...(order_id === undefined ? {} : { order_id: String(order_id) }),
    carrier_code,
    tracking_number: tracking_number ?? undefined,
    ...(transition === undefined ? {} : { transition }),
    request_id,
  };
}

function transitionOf(
  event_type: CommittedShipmentEvent["event_type"],
  { from, to }: CommittedShipmentEvent["payload"],
): string | undefined {
  if (event_type === "SHIPMENT_CREATED") return "-> ready";
  if (event_type === "SHIPMENT_CANCELLED") return "ready -> cancelled"; // the only way to it
  return event_type === "STATUS_UPDATED" ? `${from} -> ${to}` : undefined;
}
