import { create } from "@bufbuild/protobuf";
import { type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";
import { z } from "zod";
import {
  AssignTrackingRequestSchema,
  CreateShipmentRequestSchema,
  GetShipmentRequestSchema,
  type Shipment,
  ShipmentStatus,
  UpdateShipmentStatusRequestSchema,
} from "../../gen/wms/v1/shipments_pb.js";
import { WarehouseService } from "../../gen/wms/v1/warehouse_service_pb.js";
import { idInput, idOutput } from "./rest-body.ts";
import { type RestRoute, restRoute } from "./rest-route.ts";

const rpc = WarehouseService.method;
const request_id = z.string().default("");

const itemSchema = z
  .strictObject({
    order_item_id: idInput.optional(),
    sku_id: idInput.optional(),
    listing_id: idInput.optional(),
    qty: z.int().optional(),
    quantity: z.int().optional(),
  })
  .transform(({ order_item_id, sku_id, listing_id, qty, quantity }) => ({
    orderItemId: order_item_id ?? 0n,
    listingId: listing_id ?? sku_id ?? 0n,
    quantity: quantity ?? qty ?? 0,
  }));

const createSchema = z.strictObject({
  order_id: idInput,
  items: z.array(itemSchema).default([]),
  carrier_code: z.string().default(""),
  request_id,
});

const trackingSchema = z.strictObject({ carrier_code: z.string(), tracking_number: z.string(), request_id });

/** Seed statuses that a simulated carrier may state. */
const MOCK_STATUSES = { IN_TRANSIT: ShipmentStatus.IN_TRANSIT, DELIVERED: ShipmentStatus.DELIVERED } as const;
const mockSchema = z.strictObject({
  status: z.enum(["IN_TRANSIT", "DELIVERED"], "must be IN_TRANSIT or DELIVERED"),
  request_id,
});

/** Shipments and their tracking as operators' tools know them, in snake_case, ids as numbers. */
export const SHIPMENT_ROUTES: readonly RestRoute[] = [
  restRoute({
    method: "POST",
    path: /^\/api\/v1\/shipments$/,
    rpc: rpc.createShipment,
    success: 201,
    body: createSchema,
    request: ({ body }) =>
      create(CreateShipmentRequestSchema, {
        orderId: body.order_id,
        items: body.items,
        carrierCode: body.carrier_code,
        requestId: body.request_id,
      }),
    answer: shipmentJson,
    refuse: plainError,
  }),
  restRoute({
    method: "GET",
    path: /^\/api\/v1\/shipments\/(\d{1,18})$/,
    rpc: rpc.getShipment,
    success: 200,
    request: ({ id }) => create(GetShipmentRequestSchema, { key: { case: "shipmentId", value: id } }),
    answer: shipmentJson,
    refuse: plainError,
  }),
  restRoute({
    method: "POST",
    path: /^\/api\/v1\/shipments\/(\d{1,18})\/tracking$/,
    rpc: rpc.assignTracking,
    success: 200,
    body: trackingSchema,
    request: ({ id, body }) =>
      create(AssignTrackingRequestSchema, {
        shipmentId: id,
        carrierCode: body.carrier_code,
        trackingNumber: body.tracking_number,
        requestId: body.request_id,
      }),
    answer: shipmentJson,
    refuse: plainError,
  }),
  restRoute({
    method: "POST",
    path: /^\/api\/v1\/shipments\/(\d{1,18})\/mock\/status$/,
    rpc: rpc.updateShipmentStatus,
    success: 200,
    body: mockSchema,
    request: ({ id, body }) =>
      create(UpdateShipmentStatusRequestSchema, {
        shipmentId: id,
        status: MOCK_STATUSES[body.status],
        note: "stated in the place of a carrier",
        requestId: body.request_id,
      }),
    answer: shipmentJson,
    refuse: plainError,
  }),
];

function plainError({ message, reason, fields }: { message: string; reason: string; fields: string[] }) {
  return { error: message, reason, ...(fields.length > 0 ? { fields } : {}) };
}

/** The six statuses of these routes, and one that they have no other word for; the RPCs tell more. */
const WORDS: Record<ShipmentStatus, string> = {
  [ShipmentStatus.UNSPECIFIED]: "READY",
  [ShipmentStatus.READY]: "READY",
  [ShipmentStatus.SHIPPED]: "SHIPPED",
  [ShipmentStatus.IN_TRANSIT]: "IN_TRANSIT",
  [ShipmentStatus.OUT_FOR_DELIVERY]: "IN_TRANSIT",
  [ShipmentStatus.AVAILABLE_FOR_PICKUP]: "IN_TRANSIT",
  [ShipmentStatus.EXCEPTION]: "IN_TRANSIT",
  [ShipmentStatus.DELIVERED]: "DELIVERED",
  [ShipmentStatus.RETURNED]: "RETURNED",
  [ShipmentStatus.LOST]: "LOST",
  [ShipmentStatus.CANCELLED]: "CANCELLED",
};

function shipmentJson(shipment: Shipment): object {
  return {
    shipment_id: idOutput(shipment.id),
    order_id: idOutput(shipment.orderId),
    status: WORDS[shipment.status],
    carrier_code: shipment.carrierCode.toUpperCase(),
    tracking_number: shipment.trackingNumber || null,
    shipped_at: time(shipment.shippedAt),
    delivered_at: time(shipment.deliveredAt),
    created_at: time(shipment.createdAt),
    updated_at: time(shipment.updatedAt),
    items: shipment.items.map((item) => ({
      shipment_item_id: idOutput(item.id),
      shipment_id: idOutput(shipment.id),
      order_item_id: idOutput(item.orderItemId),
      sku_id: idOutput(item.listingId),
      qty: item.quantity,
    })),
    events: shipment.events.map((event) => ({
      shipment_event_id: idOutput(event.id),
      shipment_id: idOutput(shipment.id),
      event_type: event.eventType,
      payload_json: event.payload ?? {},
      created_at: time(event.createdAt),
    })),
  };
}

function time(value: Timestamp | undefined): string | null {
  return value ? timestampDate(value).toISOString() : null;
}
