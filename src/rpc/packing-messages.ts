import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  LabelFormat,
  LabelPaper,
  type PackageSchema,
  PackingTaskItemStatus,
  type PackingTaskSchema,
  PackingTaskStatus,
} from "../../gen/wms/v1/packing_pb.js";
import type { PackageView, PackingItemView, PackingTaskView } from "../db/packing-views.ts";
import type { LabelPage } from "../domain/label.ts";
import type * as words from "../domain/vocabulary.ts";
import { packagingTypeMessage, parseWord, priorityMessage } from "./vocabulary-messages.ts";

export const PACKING_TASK_STATUSES = {
  pending: PackingTaskStatus.PENDING,
  in_progress: PackingTaskStatus.IN_PROGRESS,
  packed: PackingTaskStatus.PACKED,
  shipped: PackingTaskStatus.SHIPPED,
  cancelled: PackingTaskStatus.CANCELLED,
} satisfies Record<words.PackingTaskStatus, PackingTaskStatus>;

const ITEM_STATUSES = {
  pending: PackingTaskItemStatus.PENDING,
  fully_packed: PackingTaskItemStatus.FULLY_PACKED,
} satisfies Record<words.PackingTaskItemStatus, PackingTaskItemStatus>;

const LABEL_FORMATS = {
  zpl: LabelFormat.ZPL,
  pdf: LabelFormat.PDF,
  png: LabelFormat.PNG,
} satisfies Record<words.LabelFormat, LabelFormat>;

const LABEL_PAPERS = {
  "4x6": LabelPaper.FOUR_BY_SIX,
  a6: LabelPaper.A6,
} satisfies Record<LabelPage, LabelPaper>;

/** Left out: 4 × 6 inches. */
export function parseLabelPaper(field: string, value: LabelPaper): LabelPage {
  return value === LabelPaper.UNSPECIFIED ? "4x6" : parseWord(LABEL_PAPERS, field, value);
}

/** Left out: ZPL. */
export function parseLabelFormat(field: string, value: LabelFormat): words.LabelFormat {
  return value === LabelFormat.UNSPECIFIED ? "zpl" : parseWord(LABEL_FORMATS, field, value);
}

export function packingTaskMessage(task: PackingTaskView): MessageInitShape<typeof PackingTaskSchema> {
  return {
    id: task.id,
    orderId: task.order_id,
    pickingTaskId: task.picking_task_id,
    warehouseId: task.warehouse_id,
    workerId: task.worker_id ?? 0n,
    status: PACKING_TASK_STATUSES[task.status],
    priority: priorityMessage(task.priority),
    packagingType: packagingTypeMessage(task.packaging_type),
    weight: task.weight ?? 0,
    length: task.length ?? 0,
    width: task.width ?? 0,
    height: task.height ?? 0,
    trackingNumber: task.tracking_number ?? "",
    labelUrl: task.label_url ?? "",
    packages: task.packages.map(packageMessage),
    items: task.items.map(itemMessage),
    volumetricWeight: task.volumetric_weight,
    chargeableWeight: task.chargeable_weight,
    cancellationReason: task.cancellation_reason ?? "",
    notes: task.notes ?? "",
    fulfillmentId: task.fulfillment_id,
    shipmentId: task.shipment_id ?? 0n,
    ...timesOf(task),
  };
}

function timesOf(task: PackingTaskView) {
  return {
    ...(task.packed_at && { packedAt: timestampFromDate(task.packed_at) }),
    ...(task.started_at && { startedAt: timestampFromDate(task.started_at) }),
    ...(task.shipped_at && { shippedAt: timestampFromDate(task.shipped_at) }),
    ...(task.cancelled_at && { cancelledAt: timestampFromDate(task.cancelled_at) }),
    createdAt: timestampFromDate(task.created_at),
    updatedAt: timestampFromDate(task.updated_at),
  };
}

export function packageMessage(box: PackageView): MessageInitShape<typeof PackageSchema> {
  return {
    id: box.id,
    packingTaskId: box.packing_task_id ?? 0n,
    sequenceNumber: box.sequence_number,
    packagingType: packagingTypeMessage(box.packaging_type),
    weight: box.weight,
    length: box.length,
    width: box.width,
    height: box.height,
    barcode: box.barcode ?? "",
    labelUrl: box.label_url ?? "",
    trackingNumber: box.tracking_number ?? "",
    items: box.items.map(({ listing_id, quantity }) => ({ listingId: listing_id, quantity })),
    shipmentId: box.shipment_id ?? 0n,
    sscc: box.sscc ?? "",
  };
}

function itemMessage(item: PackingItemView) {
  return {
    id: item.id,
    listingId: item.listing_id,
    quantity: item.quantity,
    packedQuantity: item.packed_quantity,
    status: ITEM_STATUSES[item.status],
    sku: item.sku,
    name: item.name,
    barcodes: item.barcodes,
  };
}
