/**
 * Every event that we publish: its stream, and the aggregate whose commit order it keeps.
 * `proto/wms/v1/events.proto` documents the fields of each.
 */
export const EVENTS = {
  "picking.created": { stream: "wms:events:picking", aggregate: "picking_task", key: "task_id" },
  "picking.assigned": { stream: "wms:events:picking", aggregate: "picking_task", key: "task_id" },
  "picking.started": { stream: "wms:events:picking", aggregate: "picking_task", key: "task_id" },
  "picking.item_picked": { stream: "wms:events:picking", aggregate: "picking_task", key: "task_id" },
  "picking.shortage": { stream: "wms:events:picking", aggregate: "picking_task", key: "task_id" },
  "picking.completed": { stream: "wms:events:picking", aggregate: "picking_task", key: "task_id" },
  "picking.cancelled": { stream: "wms:events:picking", aggregate: "picking_task", key: "task_id" },
  "packing.created": { stream: "wms:events:packing", aggregate: "packing_task", key: "task_id" },
  "packing.started": { stream: "wms:events:packing", aggregate: "packing_task", key: "task_id" },
  "packing.completed": { stream: "wms:events:packing", aggregate: "packing_task", key: "task_id" },
  "packing.shipped": { stream: "wms:events:packing", aggregate: "packing_task", key: "task_id" },
  "packing.cancelled": { stream: "wms:events:packing", aggregate: "packing_task", key: "task_id" },
  "shipment.created": { stream: "wms:events:shipment", aggregate: "shipment", key: "shipment_id" },
  "shipment.label_created": { stream: "wms:events:shipment", aggregate: "shipment", key: "shipment_id" },
  "shipment.status_changed": { stream: "wms:events:shipment", aggregate: "shipment", key: "shipment_id" },
  "shipment.delivered": { stream: "wms:events:shipment", aggregate: "shipment", key: "shipment_id" },
  "shipment.exception": { stream: "wms:events:shipment", aggregate: "shipment", key: "shipment_id" },
  "shipment.cancelled": { stream: "wms:events:shipment", aggregate: "shipment", key: "shipment_id" },
  "tracking.updated": { stream: "wms:events:shipment", aggregate: "shipment", key: "shipment_id" },
  "delivery.confirmed": { stream: "wms:events:shipment", aggregate: "order", key: "order_id" },
  "inventory.reserved": { stream: "wms:events:inventory", aggregate: "listing", key: "listing_id" },
  "inventory.released": { stream: "wms:events:inventory", aggregate: "listing", key: "listing_id" },
  "inventory.placed": { stream: "wms:events:inventory", aggregate: "listing", key: "listing_id" },
  "inventory.moved": { stream: "wms:events:inventory", aggregate: "listing", key: "listing_id" },
  "inventory.removed": { stream: "wms:events:inventory", aggregate: "listing", key: "listing_id" },
  "inventory.adjusted": { stream: "wms:events:inventory", aggregate: "listing", key: "listing_id" },
  "fulfillment.status_changed": {
    stream: "wms:events:fulfillment",
    aggregate: "fulfillment",
    key: "fulfillment_id",
  },
  "order.status_changed": { stream: "wms:events:fulfillment", aggregate: "order", key: "order_id" },
  "order.rejected": { stream: "wms:events:fulfillment", aggregate: "order", key: "order_id" },
} as const satisfies Record<string, { stream: string; aggregate: string; key: string }>;

export type EventType = keyof typeof EVENTS;

/** The stream of confirmed and cancelled orders, and our group on it. */
export const ORDER_STREAM = "listings:events:orders";
export const CONSUMER_GROUP = "wms-consumers";

type FieldValue = string | number | bigint | boolean | null | undefined;

export interface DomainEvent {
  type: EventType;
  /** Flat: what is not a string becomes one; null and undefined are left out. Lists go in as JSON text. */
  fields: Record<string, string>;
}

/** Builds an event; the aggregate's id must be among its fields. */
export function event(type: EventType, fields: Record<string, FieldValue>): DomainEvent {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(fields))
    if (value !== null && value !== undefined) flat[name] = String(value);
  if (flat[EVENTS[type].key] === undefined) throw new Error(`${type} lacks ${EVENTS[type].key}`);
  return { type, fields: flat };
}
