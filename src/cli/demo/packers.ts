import { setTimeout as delay } from "node:timers/promises";
import {
  LabelFormat,
  PackagingType,
  type PackingTask,
  PackingTaskItemStatus,
  PackingTaskStatus,
} from "../../../gen/wms/v1/packing_pb.js";
import { WarehouseService } from "../../../gen/wms/v1/warehouse_service_pb.js";
import { type Floor, idlePause, tolerant, type Worker } from "./floor.ts";
import type { RpcClient } from "./rpc-client.ts";

const rpc = WarehouseService.method;
const MAX_TRIES = 10;
const LABEL_POLL_MS = 100;
/** Tasks with more kinds of goods are packed without scanning each. */
const MAX_SCANNED = 20;
const { IN_PROGRESS, PACKED, PENDING } = PackingTaskStatus;

/** A packer's day: takes a pending task, packs, weighs, closes, prints the label, hands the parcel over. */
export async function packAllDay(bench: RpcClient, worker: Worker, floor: Floor): Promise<void> {
  for (let idle = 0; !floor.over(); ) {
    const task = await choose(bench, worker, floor);
    if (task) await packTask(bench, task.id, worker, floor);
    else await delay(idlePause(idle));
    idle = task ? 0 : idle + 1;
  }
}

/** Everybody has a share of the tasks, and helps out when they pile up: two seldom reach for the same one. */
async function choose(bench: RpcClient, worker: Worker, floor: Floor): Promise<PackingTask | undefined> {
  const { tasks } = await bench.call(rpc.listPackingTasks, { statuses: [PENDING], pageSize: 20 });
  const share = worker.id % BigInt(floor.packers);
  const own = tasks.find((task) => task.id % BigInt(floor.packers) === share);
  return own ?? (tasks.length > floor.packers ? worker.random.pick(tasks) : undefined);
}

async function packTask(bench: RpcClient, taskId: bigint, worker: Worker, floor: Floor): Promise<void> {
  const started = await tolerant(floor, async () => {
    await bench.call(rpc.startPackingTask, { taskId, workerId: worker.id });
  });
  if (!started) return; // a colleague's
  for (let tries = 0; tries < MAX_TRIES && !floor.over(); tries++) {
    const task = await bench.call(rpc.getPackingTask, { taskId });
    if (task.status !== IN_PROGRESS && task.status !== PACKED) return;
    if (await tolerant(floor, () => finish(bench, task, worker, floor))) return;
  }
}

/** From wherever it stands. */
async function finish(bench: RpcClient, task: PackingTask, worker: Worker, floor: Floor): Promise<void> {
  const { id: taskId } = task;
  if (task.status === IN_PROGRESS) {
    const packages = await measure(bench, task, worker);
    await scan(bench, task, packages);
    await bench.call(rpc.completePackingTask, { taskId });
    floor.tally.packed += 1;
  }
  if (!(await labelled(bench, taskId, floor))) return;
  await bench.call(rpc.printLabel, { taskId, format: LabelFormat.ZPL });
  await bench.call(rpc.shipPackingTask, { taskId });
  floor.tally.shipped += 1;
}

/** One box as a rule; sometimes two. Says into which the goods go. */
async function measure(bench: RpcClient, task: PackingTask, { random }: Worker): Promise<bigint[]> {
  const { id: taskId, items, packages } = task;
  if (packages.length > 0) return packages.map((box) => box.id);
  const weight = Math.max(0.2, Math.min(30, items.length * 0.4));
  const box = { taskId, weight, length: 40, width: 30, height: 20, packagingType: PackagingType.BOX };
  if (items.length < 2 || random.chance(0.9)) {
    await bench.call(rpc.setPackageDetails, box);
    return [];
  }
  await bench.call(rpc.addPackage, box);
  const measured = await bench.call(rpc.addPackage, { ...box, weight: 1 });
  return measured.packages.map(({ id }) => id);
}

async function scan(bench: RpcClient, { id: taskId, items }: PackingTask, packages: bigint[]): Promise<void> {
  const begun = items.some((item) => item.packedQuantity > 0);
  if (items.length > MAX_SCANNED && !begun) return;
  for (const [nth, { id: itemId, quantity, packedQuantity, status }] of items.entries()) {
    if (status === PackingTaskItemStatus.FULLY_PACKED || quantity === packedQuantity) continue;
    const packageId = packages[nth % packages.length];
    await bench.call(rpc.packItem, {
      taskId,
      itemId,
      quantity: quantity - packedQuantity,
      ...(packageId === undefined ? {} : { packageId }),
    });
  }
}

/** Waits for the label. False: the order was cancelled while the parcel stood there. */
async function labelled(bench: RpcClient, taskId: bigint, floor: Floor): Promise<boolean> {
  while (!floor.over()) {
    const { status, trackingNumber } = await bench.call(rpc.getPackingTask, { taskId });
    if (status !== PACKED) return false;
    if (trackingNumber !== "") return true;
    await delay(LABEL_POLL_MS);
  }
  return false;
}
