import type { JsonObject, MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  ChannelSyncStatus,
  LabelStatus,
  type ShipmentSchema,
  ShipmentStatus,
  type TrackingEventSchema,
  TrackingStatus,
} from "../../gen/wms/v1/shipments_pb.js";
import type { ShipmentView } from "../db/shipment-views.ts";
import type { TrackingEventRow } from "../db/tracking.ts";
import type * as words from "../domain/vocabulary.ts";
import { addressMessage } from "./address-messages.ts";
import { packageMessage } from "./packing-messages.ts";

export const SHIPMENT_STATUSES = {
  ready: ShipmentStatus.READY,
  shipped: ShipmentStatus.SHIPPED,
  in_transit: ShipmentStatus.IN_TRANSIT,
  delivered: ShipmentStatus.DELIVERED,
  returned: ShipmentStatus.RETURNED,
  lost: ShipmentStatus.LOST,
  out_for_delivery: ShipmentStatus.OUT_FOR_DELIVERY,
  available_for_pickup: ShipmentStatus.AVAILABLE_FOR_PICKUP,
  exception: ShipmentStatus.EXCEPTION,
  cancelled: ShipmentStatus.CANCELLED,
} satisfies Record<words.ShipmentStatus, ShipmentStatus>;

export const LABEL_STATUSES = {
  none: LabelStatus.NONE,
  requested: LabelStatus.REQUESTED,
  created: LabelStatus.CREATED,
  failed: LabelStatus.FAILED,
  needs_review: LabelStatus.NEEDS_REVIEW,
  voided: LabelStatus.VOIDED,
} satisfies Record<words.LabelStatus, LabelStatus>;

export const CHANNEL_SYNC_STATUSES = {
  pending: ChannelSyncStatus.PENDING,
  tracking_updated: ChannelSyncStatus.TRACKING_UPDATED,
  failed: ChannelSyncStatus.FAILED,
} satisfies Record<words.ChannelSyncStatus, ChannelSyncStatus>;

const TRACKING_STATUSES = {
  label_created: TrackingStatus.LABEL_CREATED,
  in_transit: TrackingStatus.IN_TRANSIT,
  out_for_delivery: TrackingStatus.OUT_FOR_DELIVERY,
  available_for_pickup: TrackingStatus.AVAILABLE_FOR_PICKUP,
  delivery_attempted: TrackingStatus.DELIVERY_ATTEMPTED,
  delivered: TrackingStatus.DELIVERED,
  exception: TrackingStatus.EXCEPTION,
  return_to_sender: TrackingStatus.RETURN_TO_SENDER,
  returned: TrackingStatus.RETURNED,
  lost: TrackingStatus.LOST,
  cancelled: TrackingStatus.CANCELLED,
  unknown: TrackingStatus.UNKNOWN,
} satisfies Record<words.TrackingStatus, TrackingStatus>;

export function shipmentMessage(shipment: ShipmentView): MessageInitShape<typeof ShipmentSchema> {
  return {
    id: shipment.id,
    orderId: shipment.order_id,
    fulfillmentId: shipment.fulfillment_id ?? 0n,
    warehouseId: shipment.warehouse_id ?? 0n,
    carrierCode: shipment.carrier_code,
    service: shipment.service,
    trackingNumber: shipment.tracking_number ?? "",
    status: SHIPMENT_STATUSES[shipment.status],
    labelStatus: LABEL_STATUSES[shipment.label_status],
    channelSyncStatus: CHANNEL_SYNC_STATUSES[shipment.channel_sync_status],
    shipTo: addressMessage(shipment.ship_to),
    packages: shipment.packages.map(packageMessage),
    items: shipment.items.map(itemMessage),
    events: shipment.events.map(eventMessage),
    estimatedDeliveryDate: shipment.estimated_delivery_date ?? "",
    labelUrl: shipment.label_url ?? "",
    cancellationReason: shipment.cancellation_reason ?? "",
    ...timesOf(shipment),
  };
}

function timesOf(shipment: ShipmentView) {
  return {
    ...(shipment.shipped_at && { shippedAt: timestampFromDate(shipment.shipped_at) }),
    ...(shipment.delivered_at && { deliveredAt: timestampFromDate(shipment.delivered_at) }),
    ...(shipment.cancelled_at && { cancelledAt: timestampFromDate(shipment.cancelled_at) }),
    createdAt: timestampFromDate(shipment.created_at),
    updatedAt: timestampFromDate(shipment.updated_at),
  };
}

function itemMessage(item: ShipmentView["items"][number]) {
  return {
    id: item.id,
    orderItemId: item.order_item_id,
    listingId: item.listing_id,
    quantity: item.quantity,
    packageId: item.package_id ?? 0n,
  };
}

function eventMessage(event: ShipmentView["events"][number]) {
  return {
    id: event.id,
    eventType: event.event_type,
    payload: event.payload_json as JsonObject,
    createdAt: timestampFromDate(event.created_at),
  };
}

export function trackingEventMessage(event: TrackingEventRow): MessageInitShape<typeof TrackingEventSchema> {
  return {
    id: event.id,
    shipmentId: event.shipment_id,
    packageId: event.package_id ?? 0n,
    trackingNumber: event.tracking_number,
    carrierCode: event.carrier_code,
    status: TRACKING_STATUSES[event.status],
    rawCode: event.raw_code,
    description: event.description,
    location: event.location,
    occurredAt: timestampFromDate(event.occurred_at),
    recordedAt: timestampFromDate(event.recorded_at),
    source: event.source,
  };
}
