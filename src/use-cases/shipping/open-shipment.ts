import { addJob } from "../../db/jobs.ts";
import {
  insertShipment,
  insertShipmentItems,
  type NewShipment,
  type NewShipmentItem,
} from "../../db/new-shipments.ts";
import { attachTaskPackages, insertShipmentPackages, type NewPackage } from "../../db/packages.ts";
import { insertShipmentEvents } from "../../db/shipment-events.ts";
import { updateLabelStatus } from "../../db/shipments.ts";
import { assignSsccs } from "../../db/sscc.ts";
import type { Transaction } from "../../db/transaction.ts";

export interface ShipmentToOpen extends Omit<NewShipment, "label_status"> {
  items: readonly NewShipmentItem[];
  /** Boxes of its own; empty: those of the packing task. */
  packages: readonly NewPackage[];
  /** The task whose boxes it takes, once it is packed; null: none is packed yet. */
  packing_task_id: bigint | null;
}

/** Makes a shipment with its items and boxes; its label is asked for as soon as there are measured boxes. */
export async function openShipment(
  trx: Transaction,
  { items, packages, packing_task_id, ...shipment }: ShipmentToOpen,
) {
  const id = await insertShipment(trx, { ...shipment, label_status: "none" });
  await insertShipmentItems(trx, id, items);
  await insertShipmentEvents(trx, [
    { shipment_id: id, event_type: "SHIPMENT_CREATED", payload: createdPayload(shipment) },
  ]);
  await insertShipmentPackages(trx, id, packages);
  if (packages.length > 0) await requestLabel(trx, id);
  else if (packing_task_id !== null) await takeTaskPackages(trx, id, packing_task_id);
  return id;
}

/** Boxes were measured after the shipment was made: they are its own now, and its label can be bought. */
export async function takeTaskPackages(
  trx: Transaction,
  shipment_id: bigint,
  packing_task_id: bigint,
): Promise<void> {
  const attached = await attachTaskPackages(trx, packing_task_id, shipment_id);
  if (attached > 0) await requestLabel(trx, shipment_id);
}

/** The label is bought by a job, once it is asked for. */
export async function requestLabel(trx: Transaction, shipment_id: bigint): Promise<void> {
  await assignSsccs(trx, shipment_id);
  await updateLabelStatus(trx, shipment_id, "requested");
  await addJob(trx, "buy_label", { shipment_id: String(shipment_id) }, { key: `buy_label:${shipment_id}` });
}

function createdPayload(shipment: Omit<NewShipment, "label_status">): Record<string, string> {
  const fulfillment =
    shipment.fulfillment_id === null ? {} : { fulfillment_id: String(shipment.fulfillment_id) };
  return { order_id: String(shipment.order_id), carrier_code: shipment.carrier_code, ...fulfillment };
}
