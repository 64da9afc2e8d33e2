import { sql } from "kysely";
import { column } from "./column.ts";
import { noteShipmentEvents } from "./committed.ts";
import type { ShipmentRow } from "./shipments.ts";
import type { Transaction } from "./transaction.ts";

export type ShipmentEventType =
  | "SHIPMENT_CREATED"
  | "LABEL_REQUESTED"
  | "LABEL_CREATED"
  | "LABEL_FAILED"
  | "LABEL_NEEDS_REVIEW"
  | "LABEL_VOIDED"
  | "TRACKING_ASSIGNED"
  | "STATUS_UPDATED"
  | "DELIVERED_CONFIRMED"
  | "SHIPMENT_CANCELLED";

export interface NewShipmentEvent {
  shipment_id: bigint;
  event_type: ShipmentEventType;
  payload: Record<string, string>;
}

/** The shipment's own history: appended, never changed. */
export async function insertShipmentEvents(
  trx: Transaction,
  events: readonly NewShipmentEvent[],
): Promise<void> {
  if (events.length === 0) return;
  const payloads = events.map((event) => JSON.stringify(event.payload));
  const ids = column(events, "shipment_id");
  const { rows } = await sql<Pick<ShipmentRow, "id" | "order_id" | "carrier_code" | "tracking_number">>`
    with added as (
      insert into shipment_events (shipment_id, event_type, payload_json)
      select shipment_id, event_type, payload
      from unnest(${ids}::bigint[], ${column(events, "event_type")}::text[], ${payloads}::jsonb[])
           with ordinality as event (shipment_id, event_type, payload, ordinal)
      order by ordinal
    )
    select id, order_id, carrier_code, tracking_number from shipments where id = any(${ids}::bigint[])`.execute(
    trx,
  );
  const about = new Map(rows.map(({ id, ...row }) => [id, row]));
  noteShipmentEvents(
    trx,
    events.map((event) => ({ ...event, ...about.get(event.shipment_id) })),
  );
}
