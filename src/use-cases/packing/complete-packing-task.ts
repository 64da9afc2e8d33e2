import { cancelShipmentsById } from "../../db/cancellation.ts";
import type { Database } from "../../db/database.ts";
import { listFulfillmentContents, trimShipments } from "../../db/fulfillment-contents.ts";
import { type Call, once } from "../../db/idempotency.ts";
import { appendEvents } from "../../db/outbox.ts";
import {
  addTaskPackage,
  fillOnlyPackage,
  listShipmentPackages,
  listTaskPackages,
} from "../../db/packages.ts";
import { listPackingItems, type PackingTaskRow, setPacked } from "../../db/packing.ts";
import { type PackingTaskView, packingTaskView } from "../../db/packing-views.ts";
import { lockLiveShipments } from "../../db/shipments.ts";
import type { Transaction } from "../../db/transaction.ts";
import { type CarrierRules, DEFAULT_RULES } from "../../domain/carrier-choice.ts";
import { type DomainEvent, event } from "../../domain/events.ts";
import { packingTaskMachine } from "../../domain/machines.ts";
import { type Actor, assertOwnTask } from "../../domain/ownership.ts";
import { assertAllPacked, measured } from "../../domain/packing.ts";
import { transition } from "../../domain/state-machine.ts";
import { shipmentCancelled } from "../orders/cancel-fulfillment.ts";
import { advanceFulfillment, projectOrder } from "../orders/progress.ts";
import { chooseForShipment } from "../shipping/choose-carrier.ts";
import { openShipment, takeTaskPackages } from "../shipping/open-shipment.ts";
import { settleFulfillments } from "../shipping/settle-fulfillments.ts";
import { lockTaskWithOrder } from "./lock-task.ts";

interface PackedTask {
  task_id: bigint;
  actor: Actor;
  /** Who takes the parcel when nobody is named. Left out: the default. */
  carrier_rules?: CarrierRules | undefined;
}

/** Closes the parcel. Its shipment is made in the same transaction; the label is bought by a job of it. */
export async function completePackingTask(
  db: Database,
  call: Call,
  { task_id, actor, carrier_rules = DEFAULT_RULES }: PackedTask,
): Promise<PackingTaskView> {
  return once(db, call, async (trx) => {
    const task = await lockTaskWithOrder(trx, task_id);
    transition(packingTaskMachine, task.status, "pack", task_id);
    assertOwnTask(actor, task);
    assertAllPacked(task_id, await listPackingItems(trx, task_id));
    await closeBoxes(trx, task);
    await setPacked(trx, task_id);
    const packed = await advanceFulfillment(trx, task.fulfillment_id, "complete_packing");
    const emptied = await endEmptied(trx, task.fulfillment_id);
    await shipParcel(trx, task, carrier_rules);
    const settled = await settleFulfillments(trx, [task.fulfillment_id]);
    const projected = await projectOrder(trx, task.order_id);
    const completed = event("packing.completed", { task_id, order_id: task.order_id });
    await appendEvents(trx, [completed, ...packed, ...emptied, ...settled, ...projected]);
    return packingTaskView(trx, task_id);
  });
}

/** A parcel without boxes is one box of the task's own measures; an only box holds everything. */
async function closeBoxes(trx: Transaction, task: PackingTaskRow): Promise<void> {
  const boxes = await listTaskPackages(trx, task.id);
  const only =
    boxes.length === 0
      ? await addTaskPackage(trx, task.id, {
          ...measured(task.id, task),
          packaging_type: task.packaging_type ?? "box",
          barcode: null,
        })
      : boxes[0]?.id;
  if (only !== undefined && boxes.length <= 1) await fillOnlyPackage(trx, task.id, only);
}

/** What is packed is known now, for good: shipments ordered before hold no more, and those of nothing end. */
async function endEmptied(trx: Transaction, fulfillment_id: bigint): Promise<DomainEvent[]> {
  await lockLiveShipments(trx, fulfillment_id);
  const contents = await listFulfillmentContents(trx, fulfillment_id);
  const reason = "none of its goods were packed";
  const emptied = await trimShipments(trx, fulfillment_id, contents);
  const cancelled = await cancelShipmentsById(trx, emptied, reason);
  return cancelled.map((shipment) => shipmentCancelled(shipment, reason));
}

/**
 * The goods go into a shipment. One that was ordered before there were boxes takes them; what stands in no shipment
 * gets a new one.
 */
async function shipParcel(trx: Transaction, task: PackingTaskRow, rules: CarrierRules): Promise<void> {
  const shipments = await lockLiveShipments(trx, task.fulfillment_id);
  const [first] = shipments.filter(
    (shipment) => shipment.label_status === "none" && shipment.status === "ready",
  );
  if (first && (await listShipmentPackages(trx, first.id)).length === 0)
    await takeTaskPackages(trx, first.id, task.id);
  const items = (await listFulfillmentContents(trx, task.fulfillment_id))
    .filter((line) => line.remaining > 0)
    .map((line) => ({ ...line, quantity: line.remaining }));
  if (items.length === 0) return;
  const { order_id, fulfillment_id, warehouse_id, id: packing_task_id } = task;
  const parcel = { order_id, warehouse_id, packing_task_id, ship_to: null, packages: [] };
  const { carrier_code, service } = await chooseForShipment(trx, rules, { ...parcel, service: "" });
  await openShipment(trx, { ...parcel, fulfillment_id, carrier_code, service, items });
}
