import { setTimeout as delay } from "node:timers/promises";
import { type PickingTask, type PickingTaskItem, PickingTaskStatus } from "../../../gen/wms/v1/picking_pb.js";
import { WarehouseService } from "../../../gen/wms/v1/warehouse_service_pb.js";
import { type Floor, idlePause, note, tolerant, type Worker } from "./floor.ts";
import { Refusal, type RpcClient } from "./rpc-client.ts";

const rpc = WarehouseService.method;
const SHORT_SHARE = 0.004;
const MAX_TRIES = 10;

/** A picker's day: takes the next task, walks its route, scans shelf and article, reports what is not there. */
export async function pickAllDay(scanner: RpcClient, worker: Worker, floor: Floor): Promise<void> {
  for (let idle = 0; !floor.over(); ) {
    const task = await claim(scanner, worker, floor);
    if (task) await pickTask(scanner, task, worker, floor);
    else await delay(idlePause(idle));
    idle = task ? 0 : idle + 1;
  }
}

async function claim(scanner: RpcClient, worker: Worker, floor: Floor): Promise<PickingTask | undefined> {
  const start = worker.random.below(floor.warehouses.length);
  for (let nth = 0; nth < floor.warehouses.length; nth++) {
    const warehouseId = floor.warehouses[(start + nth) % floor.warehouses.length] as bigint;
    const task = await unless("NO_TASK_WAITING", () =>
      scanner.call(rpc.claimNextPickingTask, { warehouseId, workerId: worker.id }),
    );
    if (task) return task;
  }
  return undefined;
}

/** A task whose lines were changed under the picker's hands is gone on with, as long as there is one. */
async function pickTask(
  scanner: RpcClient,
  claimed: PickingTask,
  worker: Worker,
  floor: Floor,
): Promise<void> {
  let task = claimed;
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const { id: taskId, status } = task;
    const done = await tolerant(floor, async () => {
      if (status === PickingTaskStatus.ASSIGNED) await scanner.call(rpc.startPickingTask, { taskId });
      await walk(scanner, taskId, worker, floor);
    });
    if (done) return;
    task = await scanner.call(rpc.getPickingTask, { taskId });
    if (task.status === PickingTaskStatus.COMPLETED || task.status === PickingTaskStatus.CANCELLED) return;
  }
}

async function walk(scanner: RpcClient, taskId: bigint, worker: Worker, floor: Floor): Promise<void> {
  for (let item = await nextItem(scanner, taskId); item; ) item = await pick(scanner, item, worker, floor);
  await scanner.call(rpc.completePickingTask, { taskId });
  floor.tally.picked += 1;
}

function nextItem(scanner: RpcClient, taskId: bigint): Promise<PickingTaskItem | undefined> {
  return unless("NO_ITEM_LEFT", () => scanner.call(rpc.getNextPickingItem, { taskId }));
}

/** One stop. Now and then the shelf holds less than the book says. A line that was cancelled meanwhile is passed by. */
async function pick(
  scanner: RpcClient,
  item: PickingTaskItem,
  worker: Worker,
  floor: Floor,
): Promise<PickingTaskItem | undefined> {
  const { taskId, id: itemId, locationBarcode } = item;
  const short = worker.random.chance(SHORT_SHARE);
  const open = item.quantityRequired - item.quantityPicked;
  try {
    const answer = await scanner.call(rpc.pickItem, {
      taskId,
      itemId,
      quantity: short ? worker.random.below(open) : open,
      locationBarcode,
      itemBarcode: item.barcodes[0] ?? item.sku,
      ...(short ? { shortReason: "the shelf holds less" } : {}),
    });
    floor.tally.picks += 1;
    if (short) floor.tally.shortPicks += 1;
    return answer.nextItem;
  } catch (error) {
    note(floor, error);
    return nextItem(scanner, taskId); // throws on, when the whole task is gone
  }
}

async function unless<T>(reason: string, ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof Refusal && error.reason === reason) return undefined;
    throw error;
  }
}
