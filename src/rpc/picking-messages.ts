import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  type PickItemResponseSchema,
  type PickingTaskItemSchema,
  PickingTaskItemStatus,
  type PickingTaskSchema,
  PickingTaskStatus,
} from "../../gen/wms/v1/picking_pb.js";
import type { PickingItemRow } from "../db/picking-tasks.ts";
import type { PickAnswer, PickingTaskView } from "../db/picking-views.ts";
import type * as words from "../domain/vocabulary.ts";
import { priorityMessage } from "./vocabulary-messages.ts";

export const PICKING_TASK_STATUSES = {
  pending: PickingTaskStatus.PENDING,
  assigned: PickingTaskStatus.ASSIGNED,
  in_progress: PickingTaskStatus.IN_PROGRESS,
  completed: PickingTaskStatus.COMPLETED,
  cancelled: PickingTaskStatus.CANCELLED,
} satisfies Record<words.PickingTaskStatus, PickingTaskStatus>;

const ITEM_STATUSES = {
  pending: PickingTaskItemStatus.PENDING,
  picked: PickingTaskItemStatus.PICKED,
  short: PickingTaskItemStatus.SHORT,
  skipped: PickingTaskItemStatus.SKIPPED,
} satisfies Record<words.PickingTaskItemStatus, PickingTaskItemStatus>;

export function pickingTaskMessage(task: PickingTaskView): MessageInitShape<typeof PickingTaskSchema> {
  return {
    id: task.id,
    orderId: task.order_id,
    warehouseId: task.warehouse_id,
    workerId: task.worker_id ?? 0n,
    status: PICKING_TASK_STATUSES[task.status],
    priority: priorityMessage(task.priority),
    totalItems: task.total_items,
    pickedItems: task.picked_items,
    items: task.items.map(pickingItemMessage),
    cancellationReason: task.cancellation_reason ?? "",
    notes: task.notes ?? "",
    fulfillmentId: task.fulfillment_id,
    createdAt: timestampFromDate(task.created_at),
    updatedAt: timestampFromDate(task.updated_at),
    ...(task.started_at && { startedAt: timestampFromDate(task.started_at) }),
    ...(task.completed_at && { completedAt: timestampFromDate(task.completed_at) }),
    ...(task.cancelled_at && { cancelledAt: timestampFromDate(task.cancelled_at) }),
  };
}

export function pickingItemMessage(item: PickingItemRow): MessageInitShape<typeof PickingTaskItemSchema> {
  return {
    id: item.id,
    taskId: item.task_id,
    listingId: item.listing_id,
    locationId: item.location_id,
    productLocationId: item.product_location_id,
    quantityRequired: item.quantity_required,
    quantityPicked: item.quantity_picked,
    status: ITEM_STATUSES[item.status],
    sequence: item.sequence,
    notes: item.notes ?? "",
    locationCode: item.location_code,
    locationBarcode: item.location_barcode,
    sku: item.sku,
    name: item.name,
    barcodes: item.barcodes,
    lotCode: item.lot_code ?? "",
    expiresOn: item.expires_on ?? "",
    ...(item.picked_at && { pickedAt: timestampFromDate(item.picked_at) }),
  };
}

export function pickAnswerMessage(answer: PickAnswer): MessageInitShape<typeof PickItemResponseSchema> {
  const { task, item_id, next_item_id, replacement_ids } = answer;
  const items = new Map(task.items.map((item) => [item.id, item]));
  const message = (id: bigint) => pickingItemMessage(items.get(id) as PickingItemRow);
  return {
    task: pickingTaskMessage(task),
    item: message(item_id),
    replacementItems: replacement_ids.map(message),
    ...(next_item_id !== null && { nextItem: message(next_item_id) }),
  };
}
