import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  MovementPlace,
  type MovementSchema,
  type PickingLocationSchema,
  type ProductLocationSchema,
  type ReservationSchema,
  ReservationStatus,
} from "../../gen/wms/v1/inventory_pb.js";
import type { HoldView, LotView, MovementView } from "../db/inventory-views.ts";
import type * as words from "../domain/vocabulary.ts";

const PLACES = {
  shelf: MovementPlace.SHELF,
  supplier: MovementPlace.SUPPLIER,
  packing: MovementPlace.PACKING,
  customer: MovementPlace.CUSTOMER,
  loss: MovementPlace.LOSS,
} satisfies Record<words.MovementPlace, MovementPlace>;

const RESERVATION_STATUSES = {
  pending: ReservationStatus.PENDING,
  fulfilled: ReservationStatus.FULFILLED,
  cancelled: ReservationStatus.CANCELLED,
} satisfies Record<words.ReservationStatus, ReservationStatus>;

export function lotMessage(lot: LotView): MessageInitShape<typeof ProductLocationSchema> {
  return {
    id: lot.id,
    listingId: lot.listing_id,
    warehouseId: lot.warehouse_id,
    locationId: lot.location_id,
    locationCode: lot.location_code,
    locationBarcode: lot.location_barcode,
    quantity: lot.quantity,
    reservedQuantity: lot.reserved_quantity,
    availableQuantity: lot.available_quantity,
    receivedAt: timestampFromDate(lot.received_at),
    lotCode: lot.lot_code ?? "",
    expiresOn: lot.expires_on ?? "",
    createdAt: timestampFromDate(lot.created_at),
    updatedAt: timestampFromDate(lot.updated_at),
  };
}

export function reservationMessage(hold: HoldView): MessageInitShape<typeof ReservationSchema> {
  return {
    id: hold.id,
    listingId: hold.listing_id,
    warehouseId: hold.warehouse_id,
    orderId: hold.order_id,
    quantity: hold.quantity,
    status: RESERVATION_STATUSES[hold.status],
    ...(hold.expires_at ? { expiresAt: timestampFromDate(hold.expires_at) } : {}),
    createdAt: timestampFromDate(hold.created_at),
    allocations: hold.allocations.map((part) => ({
      productLocationId: part.product_location_id,
      locationId: part.location_id,
      locationCode: part.location_code,
      quantity: part.quantity,
    })),
  };
}

export function pickingLocationMessage(
  lot: LotView & { pick_sequence: number },
  suggested: number,
): MessageInitShape<typeof PickingLocationSchema> {
  return {
    productLocationId: lot.id,
    locationId: lot.location_id,
    locationCode: lot.location_code,
    locationBarcode: lot.location_barcode,
    availableQuantity: lot.available_quantity,
    suggestedQuantity: suggested,
    receivedAt: timestampFromDate(lot.received_at),
    lotCode: lot.lot_code ?? "",
    expiresOn: lot.expires_on ?? "",
    pickSequence: lot.pick_sequence,
  };
}

export function movementMessage(row: MovementView): MessageInitShape<typeof MovementSchema> {
  return {
    id: row.id,
    listingId: row.listing_id,
    warehouseId: row.warehouse_id,
    quantity: row.quantity,
    fromPlace: PLACES[row.from_place],
    fromProductLocationId: row.from_product_location_id ?? 0n,
    toPlace: PLACES[row.to_place],
    toProductLocationId: row.to_product_location_id ?? 0n,
    reason: row.reason,
    orderId: row.order_id ?? 0n,
    reference: row.reference ?? "",
    occurredAt: timestampFromDate(row.occurred_at),
  };
}
