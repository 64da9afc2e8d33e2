import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { Counter, type Registry } from "prom-client";
import { COMMITTED_SHIPMENT_EVENTS } from "../db/committed.ts";
import type { NewShipmentEvent } from "../db/shipment-events.ts";

/**
 * Counts what became of shipments in this process, when it is committed: neither what was rolled back, nor a request that
 * is only repeated, is counted. Refused calls are in `wms_rpc_duration_seconds`. Returns how to stop.
 */
export function countShipments(registry: Registry): () => void {
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[]) =>
    new Counter({ name, help, labelNames, registers: [registry] });
  const created = counter("shipment_create_total", "Shipments made, by the status that they begin with.", [
    "status",
  ]);
  const assigned = counter(
    "shipment_tracking_assign_total",
    "Tracking numbers given to shipments, by the status that these have then: ready when a label was bought, shipped when somebody stated the number of a parcel under way.",
    ["status"],
  );
  const moved = counter("shipment_status_update_total", "Status changes of shipments.", ["from", "to"]);
  created.inc({ status: "ready" }, 0);
  for (const status of ["ready", "shipped"]) assigned.inc({ status }, 0);
  const count = (message: unknown) => {
    const events = message as NewShipmentEvent[];
    for (const { shipment_id, event_type, payload } of events) {
      const { from = "", to = "" } = payload;
      if (event_type === "SHIPMENT_CREATED") created.inc({ status: "ready" });
      if (event_type === "TRACKING_ASSIGNED" || event_type === "LABEL_CREATED")
        assigned.inc({ status: statusAfter(events, shipment_id) });
      if (event_type === "STATUS_UPDATED") moved.inc({ from, to });
      if (event_type === "SHIPMENT_CANCELLED") moved.inc({ from: "ready", to: "cancelled" }); // the only way to it
    }
  };
  subscribe(COMMITTED_SHIPMENT_EVENTS, count);
  return () => void unsubscribe(COMMITTED_SHIPMENT_EVENTS, count);
}

/** Only a ready shipment is given a number, and the same transaction may send it off. */
function statusAfter(events: readonly NewShipmentEvent[], shipment_id: bigint): string {
  const last = events.findLast(
    (event) => event.shipment_id === shipment_id && event.event_type === "STATUS_UPDATED",
  );
  return last?.payload["to"] ?? "ready";
}
