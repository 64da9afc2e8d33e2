import { setTimeout as delay } from "node:timers/promises";
import {
  LabelFormat,
  PackagingType,
  type PackingTask,
  PackingTaskStatus,
} from "../../../gen/wms/v1/packing_pb.js";
import type { PickingTask, PickingTaskItem } from "../../../gen/wms/v1/picking_pb.js";
import { WarehouseService } from "../../../gen/wms/v1/warehouse_service_pb.js";
import type { Random } from "./random.ts";
import { Refusal, type RpcClient } from "./rpc-client.ts";

const rpc = WarehouseService.method;
const IDLE_MS = 100;

export interface Tally {
  picks: number;
  shortPicks: number;
  pickedTasks: number;
  packedTasks: number;
  shippedTasks: number;
  /** Work that the service took away: cancelled orders, tasks that somebody else had. */
  refusals: Map<string, number>;
}

export interface Floor {
  warehouses: readonly bigint[];
  random: Random;
  tally: Tally;
  over(): boolean;
}

/** A picker's day: takes the next task, walks its route, scans shelf and article, reports what is not there. */
export async function pickAllDay(scanner: RpcClient, worker_id: bigint, floor: Floor): Promise<void> {
  while (!floor.over()) {
    const task = await claim(scanner, worker_id, floor);
    if (task) await tolerant(floor, () => pickTask(scanner, task, floor));
    else await delay(IDLE_MS);
  }
}

async function claim(scanner: RpcClient, workerId: bigint, floor: Floor): Promise<PickingTask | undefined> {
  const start = floor.random.below(floor.warehouses.length);
  for (let nth = 0; nth < floor.warehouses.length; nth++) {
    const warehouseId = floor.warehouses[(start + nth) % floor.warehouses.length] as bigint;
    try {
      return await scanner.call(rpc.claimNextPickingTask, { warehouseId, workerId });
    } catch (error) {
      if (!(error instanceof Refusal && error.reason === "NO_TASK_WAITING")) throw error;
    }
  }
  return undefined;
}

async function pickTask(scanner: RpcClient, task: PickingTask, floor: Floor): Promise<void> {
  await scanner.call(rpc.startPickingTask, { taskId: task.id });
  for (let item = await nextItem(scanner, task.id); item; ) item = await pick(scanner, item, floor);
  await scanner.call(rpc.completePickingTask, { taskId: task.id });
  floor.tally.pickedTasks += 1;
}

async function nextItem(scanner: RpcClient, taskId: bigint): Promise<PickingTaskItem | undefined> {
  try {
    return await scanner.call(rpc.getNextPickingItem, { taskId });
  } catch (error) {
    if (error instanceof Refusal && error.reason === "NO_ITEM_LEFT") return undefined;
    throw error;
  }
}

/** One stop. Now and then the shelf holds less than the book says. A line that was cancelled meanwhile is passed by. */
async function pick(
  scanner: RpcClient,
  item: PickingTaskItem,
  floor: Floor,
): Promise<PickingTaskItem | undefined> {
  const short = floor.random.chance(0.003);
  const quantity = short ? floor.random.below(item.quantityRequired) : item.quantityRequired;
  try {
    const answer = await scanner.call(rpc.pickItem, {
      taskId: item.taskId,
      itemId: item.id,
      quantity,
      locationBarcode: item.locationBarcode,
      itemBarcode: item.barcodes[0] ?? item.sku,
      ...(short ? { shortReason: "shelf is empty" } : {}),
    });
    floor.tally.picks += 1;
    if (short) floor.tally.shortPicks += 1;
    return answer.nextItem;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    note(floor, error);
    return nextItem(scanner, item.taskId); // throws on, when the whole task is gone
  }
}

/** A packer's day: takes a pending task, packs, weighs, closes, prints the label, hands the parcel over. */
export async function packAllDay(bench: RpcClient, workerId: bigint, floor: Floor): Promise<void> {
  while (!floor.over()) {
    const { tasks } = await bench.call(rpc.listPackingTasks, {
      statuses: [PackingTaskStatus.PENDING],
      pageSize: 20,
    });
    const task = tasks.length > 0 ? floor.random.pick(tasks) : undefined;
    if (task) await tolerant(floor, () => packTask(bench, task.id, workerId, floor));
    else await delay(IDLE_MS);
  }
}

async function packTask(bench: RpcClient, taskId: bigint, workerId: bigint, floor: Floor): Promise<void> {
  const task = await bench.call(rpc.startPackingTask, { taskId, workerId });
  if (task.items.length <= 20)
    for (const { id: itemId, quantity } of task.items)
      if (quantity > 0) await bench.call(rpc.packItem, { taskId, itemId, quantity });
  await measure(bench, task, floor);
  await bench.call(rpc.completePackingTask, { taskId });
  floor.tally.packedTasks += 1;
  if (!(await labelled(bench, taskId))) return;
  await bench.call(rpc.printLabel, { taskId, format: LabelFormat.ZPL });
  await bench.call(rpc.shipPackingTask, { taskId });
  floor.tally.shippedTasks += 1;
}

async function measure(bench: RpcClient, { id: taskId, items }: PackingTask, floor: Floor): Promise<void> {
  const weight = Math.max(0.2, Math.min(30, items.length * 0.4));
  const box = { taskId, weight, length: 40, width: 30, height: 20, packagingType: PackagingType.BOX };
  if (items.length < 2 || floor.random.chance(0.9)) await bench.call(rpc.setPackageDetails, box);
  else for (const _ of [1, 2]) await bench.call(rpc.addPackage, box);
}

/** Waits for the label. False: the order was cancelled while the parcel stood there. */
async function labelled(bench: RpcClient, taskId: bigint): Promise<boolean> {
  for (;;) {
    const { status, trackingNumber } = await bench.call(rpc.getPackingTask, { taskId });
    if (status !== PackingTaskStatus.PACKED) return false;
    if (trackingNumber !== "") return true;
    await delay(50);
  }
}

/** The service may take work out of somebody's hands; that is its right, and counted. */
async function tolerant(floor: Floor, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    note(floor, error);
  }
}

function note({ tally }: Floor, { reason, message }: Refusal): void {
  const key = reason || message;
  tally.refusals.set(key, (tally.refusals.get(key) ?? 0) + 1);
}
