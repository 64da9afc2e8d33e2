import type { PickItemRequest } from "../../gen/wms/v1/picking_pb.js";
import { WarehouseService } from "../../gen/wms/v1/warehouse_service_pb.js";
import { pickingTaskView, pickingTaskViews } from "../db/picking-views.ts";
import { findPickingTaskOfOrder, listPickingTaskIds } from "../db/task-lists.ts";
import { DomainError } from "../domain/errors.ts";
import type { Pick as PickedUnits } from "../domain/picking.ts";
import { assignPickingTask } from "../use-cases/picking/assign-picking-task.ts";
import { cancelPickingTask } from "../use-cases/picking/cancel-picking-task.ts";
import { claimNextPickingTask } from "../use-cases/picking/claim-next-picking-task.ts";
import { completePickingTask } from "../use-cases/picking/complete-picking-task.ts";
import { createPickingTask } from "../use-cases/picking/create-picking-task.ts";
import { nextPickingItem } from "../use-cases/picking/next-picking-item.ts";
import { pickItem } from "../use-cases/picking/pick-item.ts";
import { PickLane } from "../use-cases/picking/pick-lane.ts";
import { skipPickingItem } from "../use-cases/picking/skip-picking-item.ts";
import { startPickingTask } from "../use-cases/picking/start-picking-task.ts";
import type { Deps } from "./deps.ts";
import { callOf, type HandlersOf } from "./handler.ts";
import {
  nextPageToken,
  optionalId,
  page,
  requiredId,
  requiredList,
  requiredQuantity,
  text,
} from "./parse.ts";
import {
  PICKING_TASK_STATUSES,
  pickAnswerMessage,
  pickingItemMessage,
  pickingTaskMessage,
} from "./picking-messages.ts";
import { optionalPriority, parsePriority, parseWord } from "./vocabulary-messages.ts";

type Handlers = HandlersOf<typeof WarehouseService>;
type Reads = "getPickingTask" | "getPickingTaskByOrderID" | "listPickingTasks" | "getNextPickingItem";
type Hands = "createPickingTask" | "assignPickingTask" | "claimNextPickingTask";
type Steps = "startPickingTask" | "completePickingTask" | "cancelPickingTask";
type Picks = "pickItem" | "skipPickingItem";

const MAX_ITEMS = 10_000;
const rpc = WarehouseService.method;

export function pickingHandlers({ db }: Deps): Pick<Handlers, Reads | Hands | Steps | Picks> {
  return { ...reads(db), ...hands(db), ...steps(db), ...picks(db) };
}

function reads(db: Deps["db"]): Pick<Handlers, Reads> {
  return {
    getPickingTask: async (request) =>
      pickingTaskMessage(await pickingTaskView(db, requiredId("task_id", request.taskId))),
    getPickingTaskByOrderID: async (request) => {
      const order_id = requiredId("order_id", request.orderId);
      const warehouse_id = optionalId("warehouse_id", request.warehouseId);
      const task = await findPickingTaskOfOrder(db, order_id, warehouse_id);
      if (!task) throw noTaskOf(order_id, warehouse_id);
      return pickingTaskMessage(await pickingTaskView(db, task.id));
    },
    listPickingTasks: async (request) => {
      const wanted = page(request);
      const filter = {
        warehouse_id: optionalId("warehouse_id", request.warehouseId),
        worker_id: optionalId("worker_id", request.workerId),
        order_id: optionalId("order_id", request.orderId),
        priority: optionalPriority("priority", request.priority),
        statuses: request.statuses.map((status, index) =>
          parseWord(PICKING_TASK_STATUSES, `statuses[${index}]`, status),
        ),
      };
      const tasks = await pickingTaskViews(db, await listPickingTaskIds(db, filter, wanted));
      return { tasks: tasks.map(pickingTaskMessage), nextPageToken: nextPageToken(tasks, wanted) };
    },
    getNextPickingItem: async (request, actor) => {
      const task_id = requiredId("task_id", request.taskId);
      return pickingItemMessage(await nextPickingItem(db, { task_id, actor }));
    },
  };
}

function noTaskOf(order_id: bigint, warehouse_id: bigint | undefined): DomainError {
  const where = warehouse_id === undefined ? "" : ` in warehouse ${warehouse_id}`;
  return new DomainError("PICKING_TASK_NOT_FOUND", `order ${order_id} has no picking task${where}`, {
    order_id,
  });
}

function hands(db: Deps["db"]): Pick<Handlers, Hands> {
  return {
    createPickingTask: async (request, caller) => {
      const task = await createPickingTask(db, callOf(rpc.createPickingTask, request, caller), {
        order_id: requiredId("order_id", request.orderId),
        warehouse_id: requiredId("warehouse_id", request.warehouseId),
        priority: parsePriority("priority", request.priority),
        items: requiredList("items", request.items, MAX_ITEMS).map((item, index) => ({
          listing_id: requiredId(`items[${index}].listing_id`, item.listingId),
          quantity: requiredQuantity(`items[${index}].quantity`, item.quantity),
        })),
      });
      return pickingTaskMessage(task);
    },
    assignPickingTask: async (request, actor) => {
      const task_id = requiredId("task_id", request.taskId);
      const worker_id = requiredId("worker_id", request.workerId);
      const call = callOf(rpc.assignPickingTask, request, actor);
      return pickingTaskMessage(await assignPickingTask(db, call, { task_id, worker_id, actor }));
    },
    claimNextPickingTask: async (request, actor) => {
      const warehouse_id = requiredId("warehouse_id", request.warehouseId);
      const worker_id = requiredId("worker_id", request.workerId);
      const call = callOf(rpc.claimNextPickingTask, request, actor);
      return pickingTaskMessage(await claimNextPickingTask(db, call, { warehouse_id, worker_id, actor }));
    },
  };
}

function steps(db: Deps["db"]): Pick<Handlers, Steps> {
  return {
    startPickingTask: async (request, actor) => {
      const task_id = requiredId("task_id", request.taskId);
      const call = callOf(rpc.startPickingTask, request, actor);
      return pickingTaskMessage(await startPickingTask(db, call, { task_id, actor }));
    },
    completePickingTask: async (request, actor) => {
      const task_id = requiredId("task_id", request.taskId);
      const call = callOf(rpc.completePickingTask, request, actor);
      return pickingTaskMessage(await completePickingTask(db, call, { task_id, actor }));
    },
    cancelPickingTask: async (request, caller) => {
      const task_id = requiredId("task_id", request.taskId);
      const reason = text("reason", request.reason, 500);
      const call = callOf(rpc.cancelPickingTask, request, caller);
      return pickingTaskMessage(await cancelPickingTask(db, call, { task_id, reason }));
    },
  };
}

function picks(db: Deps["db"]): Pick<Handlers, Picks> {
  const lane = new PickLane(db);
  return {
    pickItem: async (request, actor) => {
      const answer = await pickItem(db, lane, {
        call: callOf(rpc.pickItem, request, actor),
        actor,
        task_id: requiredId("task_id", request.taskId),
        item_id: requiredId("item_id", request.itemId),
        pick: parsePick(request),
      });
      return pickAnswerMessage(answer);
    },
    skipPickingItem: async (request, actor) => {
      const task_id = requiredId("task_id", request.taskId);
      const item_id = requiredId("item_id", request.itemId);
      const reason = text("reason", request.reason, 500);
      const call = callOf(rpc.skipPickingItem, request, actor);
      return pickAnswerMessage(await skipPickingItem(db, call, { task_id, item_id, reason, actor }));
    },
  };
}

/** Nothing found is a pick too, when its reason is given. An empty text is one that was not given. */
function parsePick(request: PickItemRequest): PickedUnits {
  const short_reason = text("short_reason", request.shortReason, 500) || undefined;
  const none = short_reason !== undefined && request.quantity === 0;
  return {
    quantity: none ? 0 : requiredQuantity("quantity", request.quantity),
    location_barcode: text("location_barcode", request.locationBarcode) || undefined,
    item_barcode: text("item_barcode", request.itemBarcode) || undefined,
    short_reason,
  };
}
