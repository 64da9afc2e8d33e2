import type { Database } from "../../db/database.ts";
import { listFulfillmentContents } from "../../db/fulfillment-contents.ts";
import { type Call, once } from "../../db/idempotency.ts";
import { appendEvents } from "../../db/outbox.ts";
import type { PackingTaskRow } from "../../db/packing.ts";
import { type PackingTaskView, packingTaskView } from "../../db/packing-views.ts";
import { lockLiveShipments, type ShipmentRow } from "../../db/shipments.ts";
import type { Transaction } from "../../db/transaction.ts";
import { DomainError } from "../../domain/errors.ts";
import type { DomainEvent } from "../../domain/events.ts";
import { packingTaskMachine } from "../../domain/machines.ts";
import { type Actor, assertOwnTask } from "../../domain/ownership.ts";
import { transition } from "../../domain/state-machine.ts";
import { handOver } from "../shipping/hand-over.ts";
import { putUnderNumber } from "../shipping/put-under-number.ts";
import { lockTaskWithOrder } from "./lock-task.ts";

export interface ShipPackingTask {
  task_id: bigint;
  /** Left out: the shipment's. */
  tracking_number?: string | undefined;
  carrier_code?: string | undefined;
  actor: Actor;
}

/** The carrier took the parcel. */
export async function shipPackingTask(
  db: Database,
  call: Call,
  input: ShipPackingTask,
): Promise<PackingTaskView> {
  return once(db, call, async (trx) => {
    const task = await lockTaskWithOrder(trx, input.task_id);
    transition(packingTaskMachine, task.status, "ship", task.id);
    assertOwnTask(input.actor, task);
    const { shipments, events } = await numberShipments(trx, task, input);
    const shipped = await handOver(trx, shipments);
    await appendEvents(trx, [...events, ...shipped]);
    return packingTaskView(trx, task.id);
  });
}

/** The shipments that go now, each with a number: a number given by the caller is the first one's. */
async function numberShipments(
  trx: Transaction,
  task: PackingTaskRow,
  given: ShipPackingTask,
): Promise<{ shipments: ShipmentRow[]; events: DomainEvent[] }> {
  const live = await lockLiveShipments(trx, task.fulfillment_id);
  const [first, ...others] = live.filter((shipment) => shipment.status === "ready");
  const contents = await listFulfillmentContents(trx, task.fulfillment_id);
  if (!first || contents.some((line) => line.remaining > 0))
    throw numberMissing(task, "some of its goods are in no shipment");
  const tracking_number = given.tracking_number ?? first.tracking_number;
  const unnumbered = others.find((shipment) => shipment.tracking_number === null);
  if (tracking_number === null)
    throw numberMissing(task, `its shipment ${first.id} has no tracking number yet`);
  if (unnumbered) throw numberMissing(task, `its shipment ${unnumbered.id} has no tracking number yet`);
  const carrier_code = given.carrier_code ?? first.carrier_code;
  const { shipment, events } = await putUnderNumber(trx, first, { carrier_code, tracking_number });
  return { shipments: [shipment, ...others], events };
}

function numberMissing({ id, status }: PackingTaskRow, why: string): DomainError {
  return new DomainError("TRACKING_NUMBER_MISSING", `packing task ${id} is ${status}, but ${why}`, {
    task_id: id,
  });
}
