import type { AddPackageRequest, ListPackingTasksRequest } from "../../gen/wms/v1/packing_pb.js";
import { WarehouseService } from "../../gen/wms/v1/warehouse_service_pb.js";
import type { NewPackage } from "../db/packages.ts";
import { packingTaskView, packingTaskViews } from "../db/packing-views.ts";
import { findPackingTaskOfOrder, listPackingTaskIds, type TaskFilter } from "../db/task-lists.ts";
import { type CarrierRules, DEFAULT_RULES } from "../domain/carrier-choice.ts";
import { DomainError } from "../domain/errors.ts";
import type { PackingTaskStatus } from "../domain/vocabulary.ts";
import { renderLabels } from "../labels/render.ts";
import { addPackage } from "../use-cases/packing/add-package.ts";
import { cancelPackingTask } from "../use-cases/packing/cancel-packing-task.ts";
import { completePackingTask } from "../use-cases/packing/complete-packing-task.ts";
import { createPackingTask } from "../use-cases/packing/create-packing-task.ts";
import { createLabelReader } from "../use-cases/packing/label-store.ts";
import { packItem } from "../use-cases/packing/pack-item.ts";
import { printLabel } from "../use-cases/packing/print-label.ts";
import { setPackageDetails } from "../use-cases/packing/set-package-details.ts";
import { shipPackingTask } from "../use-cases/packing/ship-packing-task.ts";
import { startPackingTask } from "../use-cases/packing/start-packing-task.ts";
import { withPrices } from "../use-cases/shipping/price-choice.ts";
import type { Deps } from "./deps.ts";
import { callOf, type HandlersOf } from "./handler.ts";
import { parseDpi } from "./label-route.ts";
import {
  PACKING_TASK_STATUSES,
  packingTaskMessage,
  parseLabelFormat,
  parseLabelPaper,
} from "./packing-messages.ts";
import {
  nextPageToken,
  optionalId,
  page,
  requiredId,
  requiredMeasure,
  requiredQuantity,
  text,
} from "./parse.ts";
import { optionalPriority, parsePackagingType, parseWord } from "./vocabulary-messages.ts";

type Service = HandlersOf<typeof WarehouseService>;
type Reads = "getPackingTask" | "getPackingTaskByOrderID" | "listPackingTasks";
type Work = "startPackingTask" | "packItem" | "setPackageDetails" | "addPackage";
type Ends =
  | "createPackingTask"
  | "completePackingTask"
  | "cancelPackingTask"
  | "shipPackingTask"
  | "printLabel";

const rpc = WarehouseService.method;

export function packingHandlers(deps: Deps): Pick<Service, Reads | Work | Ends> {
  return { ...packingReads(deps), ...packingWork(deps), ...packingEnds(deps) };
}

function packingReads({ db }: Deps): Pick<Service, Reads> {
  return {
    getPackingTask: async (request) =>
      packingTaskMessage(await packingTaskView(db, requiredId("task_id", request.taskId))),
    getPackingTaskByOrderID: async (request) => {
      const order_id = requiredId("order_id", request.orderId);
      const task = await findPackingTaskOfOrder(
        db,
        order_id,
        optionalId("warehouse_id", request.warehouseId),
      );
      if (!task)
        throw new DomainError("PACKING_TASK_NOT_FOUND", `order ${order_id} has no packing task`, {
          order_id,
        });
      return packingTaskMessage(await packingTaskView(db, task.id));
    },
    listPackingTasks: async (request) => {
      const wanted = page(request);
      const tasks = await packingTaskViews(db, await listPackingTaskIds(db, parseFilter(request), wanted));
      return { tasks: tasks.map(packingTaskMessage), nextPageToken: nextPageToken(tasks, wanted) };
    },
  };
}

function parseFilter(request: ListPackingTasksRequest): TaskFilter<PackingTaskStatus> {
  return {
    warehouse_id: optionalId("warehouse_id", request.warehouseId),
    worker_id: optionalId("worker_id", request.workerId),
    order_id: optionalId("order_id", request.orderId),
    priority: optionalPriority("priority", request.priority),
    statuses: request.statuses.map((value, index) =>
      parseWord(PACKING_TASK_STATUSES, `statuses[${index}]`, value),
    ),
  };
}

function packingWork({ db }: Deps): Pick<Service, Work> {
  return {
    startPackingTask: async (request, caller) => {
      const task_id = requiredId("task_id", request.taskId);
      const worker_id = requiredId("worker_id", request.workerId);
      const call = callOf(rpc.startPackingTask, request, caller);
      return packingTaskMessage(await startPackingTask(db, call, { task_id, worker_id, actor: caller }));
    },
    packItem: async (request, caller) => {
      const input = {
        task_id: requiredId("task_id", request.taskId),
        item_id: requiredId("item_id", request.itemId),
        quantity: requiredQuantity("quantity", request.quantity),
        package_id: optionalId("package_id", request.packageId),
        actor: caller,
      };
      return packingTaskMessage(await packItem(db, callOf(rpc.packItem, request, caller), input));
    },
    setPackageDetails: async (request, caller) => {
      const input = {
        task_id: requiredId("task_id", request.taskId),
        packaging_type: parsePackagingType("packaging_type", request.packagingType),
        ...parseMeasures(request),
        actor: caller,
      };
      return packingTaskMessage(
        await setPackageDetails(db, callOf(rpc.setPackageDetails, request, caller), input),
      );
    },
    addPackage: async (request, caller) => {
      const input = {
        task_id: requiredId("task_id", request.taskId),
        box: parseBox("", request),
        actor: caller,
      };
      return packingTaskMessage(await addPackage(db, callOf(rpc.addPackage, request, caller), input));
    },
  };
}

function packingEnds({ db, labelStore, carrierRules = DEFAULT_RULES, askPrices }: Deps): Pick<Service, Ends> {
  const labels = { draw: renderLabels, readBytes: createLabelReader(labelStore) };
  return {
    createPackingTask: async (request, caller) => {
      const input = { picking_task_id: requiredId("picking_task_id", request.pickingTaskId) };
      return packingTaskMessage(
        await createPackingTask(db, callOf(rpc.createPackingTask, request, caller), input),
      );
    },
    completePackingTask: async (request, caller) => {
      const call = callOf(rpc.completePackingTask, request, caller);
      const input = { task_id: requiredId("task_id", request.taskId), actor: caller };
      const complete = (carrier_rules: CarrierRules) =>
        completePackingTask(db, call, { ...input, carrier_rules });
      return packingTaskMessage(await withPrices(carrierRules, askPrices, complete));
    },
    cancelPackingTask: async (request, caller) => {
      const input = {
        task_id: requiredId("task_id", request.taskId),
        reason: text("reason", request.reason, 500),
      };
      return packingTaskMessage(
        await cancelPackingTask(db, callOf(rpc.cancelPackingTask, request, caller), input),
      );
    },
    shipPackingTask: async (request, caller) => {
      const input = {
        task_id: requiredId("task_id", request.taskId),
        tracking_number: text("tracking_number", request.trackingNumber, 64) || undefined,
        carrier_code: text("carrier_code", request.carrierCode, 64).toLowerCase() || undefined,
        actor: caller,
      };
      return packingTaskMessage(
        await shipPackingTask(db, callOf(rpc.shipPackingTask, request, caller), input),
      );
    },
    printLabel: async (request, caller) => {
      const input = {
        task_id: requiredId("task_id", request.taskId),
        package_id: optionalId("package_id", request.packageId),
        format: parseLabelFormat("format", request.format),
        media: { page: parseLabelPaper("paper", request.paper), dpi: parseDpi(request.dpi) },
        actor: caller,
      };
      const call = callOf(rpc.printLabel, request, caller);
      const { label_url, data, content_type } = await printLabel(db, call, input, labels);
      return { labelUrl: label_url, labelData: data, contentType: content_type };
    },
  };
}

type BoxFields = Pick<
  AddPackageRequest,
  "packagingType" | "weight" | "length" | "width" | "height" | "barcode"
>;

/** `prefix`: where in the request the box stands, such as `packages[2].`. */
export function parseBox(prefix: string, box: BoxFields): NewPackage {
  return {
    packaging_type: parsePackagingType(`${prefix}packaging_type`, box.packagingType),
    ...parseMeasures(box, prefix),
    barcode: text(`${prefix}barcode`, box.barcode) || null,
  };
}

function parseMeasures(box: Pick<BoxFields, "weight" | "length" | "width" | "height">, prefix = "") {
  return {
    weight: requiredMeasure(`${prefix}weight`, box.weight),
    length: requiredMeasure(`${prefix}length`, box.length),
    width: requiredMeasure(`${prefix}width`, box.width),
    height: requiredMeasure(`${prefix}height`, box.height),
  };
}
