import type { BoughtLabel, Carrier, Carriers, LabelPurchase, LabelRequest } from "../../carriers/carrier.ts";
import { insertApiCall } from "../../db/api-calls.ts";
import type { Database } from "../../db/database.ts";
import { addJob } from "../../db/jobs.ts";
import {
  findLabelOrder,
  type LabelOrder,
  labelUrl,
  listParcels,
  type NewLabel,
  type ParcelToLabel,
  storeLabels,
} from "../../db/labels.ts";
import { lockOrder } from "../../db/orders.ts";
import { appendEvents } from "../../db/outbox.ts";
import { showTaskLabel } from "../../db/packing.ts";
import {
  insertShipmentEvents,
  lockShipment,
  type ShipmentRow,
  updateLabelStatus,
} from "../../db/shipments.ts";
import { inTransaction, type Transaction } from "../../db/transaction.ts";
import { type DomainEvent, event } from "../../domain/events.ts";
import { settleShipments } from "./hand-over.ts";
import { firstNumber } from "./put-under-number.ts";

/**
 * Buys the labels of a shipment that waits for them, once. The row that says so was committed before; the carrier is
 * called outside of any transaction, under a reference that never changes; what it gave is stored in one transaction.
 * Repeated after a crash anywhere in between, the carrier (or a look-up) gives the first purchase again.
 */
export async function buyLabel(
  db: Database,
  carriers: Carriers,
  { shipment_id, attempt }: { shipment_id: bigint; attempt: number },
): Promise<void> {
  const order = await findLabelOrder(db, shipment_id);
  if (!order || order.label_status === "created") return;
  if (!isWanted(order)) return voidUnwanted(db, order);
  const carrier = carriers.get(order.carrier_code);
  if (!carrier) throw new Error(`this process cannot reach carrier ${order.carrier_code}`);
  const parcels = await listParcels(db, shipment_id);
  const purchase = await purchaseOnce(db, carrier, requestOf(order, parcels), attempt);
  const labels = matchLabels(parcels, purchase.labels);
  await inTransaction(db, (trx) =>
    storePurchase(trx, order, labels, purchase.estimated_delivery_date ?? null),
  );
}

/** After the last attempt, or a refusal for good: the label will not come by itself any more. */
export async function failLabel(db: Database, shipment_id: bigint, error: string): Promise<void> {
  await inTransaction(db, async (trx) => {
    const shipment = await lockShipment(trx, shipment_id);
    if (shipment.label_status !== "requested") return;
    await updateLabelStatus(trx, shipment_id, "failed");
    await insertShipmentEvents(trx, [
      { shipment_id, event_type: "LABEL_FAILED", payload: { error: error.slice(0, 500) } },
    ]);
  });
}

/** Cancelled, or sent under a number given by hand, since the label was asked for. */
function isWanted(order: Pick<LabelOrder, "status" | "label_status">): boolean {
  return order.label_status === "requested" && order.status !== "cancelled";
}

/** An earlier attempt may have bought it and crashed, so the carrier is told in any case. */
async function voidUnwanted(db: Database, { shipment_id }: LabelOrder): Promise<void> {
  await inTransaction(db, (trx) => askToVoid(trx, shipment_id));
}

function askToVoid(trx: Transaction, shipment_id: bigint): Promise<void> {
  return addJob(
    trx,
    "void_label",
    { shipment_id: String(shipment_id) },
    { key: `void_label:${shipment_id}` },
  );
}

export function labelReference(shipment_id: bigint): string {
  return `wms-${shipment_id}`;
}

function requestOf(order: LabelOrder, parcels: readonly ParcelToLabel[]): LabelRequest {
  const [first] = parcels;
  if (!first) throw new Error(`shipment ${order.shipment_id} has no boxes to label`);
  return {
    reference: labelReference(order.shipment_id),
    service: order.service,
    order_number: first.content.order_number,
    from: first.content.from,
    to: first.content.to,
    packages: parcels.map(({ sequence_number, weight, length, width, height }) => ({
      sequence_number,
      weight,
      length,
      width,
      height,
    })),
  };
}

/** A look-up comes first where the carrier offers one: its purchases are not safe to repeat. */
async function purchaseOnce(
  db: Database,
  carrier: Carrier,
  request: LabelRequest,
  attempt: number,
): Promise<LabelPurchase> {
  const started = performance.now();
  const log = (is_success: boolean, response_body: string) =>
    insertApiCall(db, {
      service: carrier.code,
      endpoint: "create_label",
      related_id: request.reference,
      request_payload: request,
      response_body,
      status_code: null,
      is_success,
      duration_ms: performance.now() - started,
      attempt,
    });
  try {
    const purchase = (await carrier.findByReference?.(request)) ?? (await carrier.createLabel(request));
    await log(
      true,
      JSON.stringify(purchase.labels.map(({ data, ...label }) => ({ ...label, bytes: data.length }))),
    );
    return purchase;
  } catch (error) {
    await log(false, String(error));
    throw error;
  }
}

function matchLabels(parcels: readonly ParcelToLabel[], bought: readonly BoughtLabel[]): NewLabel[] {
  return parcels.map(({ package_id, sequence_number }) => {
    const label = bought.find((one) => one.sequence_number === sequence_number);
    if (!label)
      throw new Error(`the carrier gave no label for box ${sequence_number} of package ${package_id}`);
    return { package_id, tracking_number: label.tracking_number, format: label.format, data: label.data };
  });
}

async function storePurchase(
  trx: Transaction,
  { shipment_id, order_id }: LabelOrder,
  labels: readonly NewLabel[],
  estimated_delivery_date: string | null,
): Promise<void> {
  await lockOrder(trx, order_id);
  const shipment = await lockShipment(trx, shipment_id);
  if (shipment.label_status === "created") return;
  if (!isWanted(shipment)) return askToVoid(trx, shipment_id);
  await storeLabels(trx, shipment_id, labels, estimated_delivery_date);
  if (shipment.fulfillment_id !== null) await showTaskLabel(trx, shipment.fulfillment_id);
  const tracking_numbers = labels.map((label) => label.tracking_number).join(",");
  const payload = { carrier_code: shipment.carrier_code, tracking_numbers };
  await insertShipmentEvents(trx, [{ shipment_id, event_type: "LABEL_CREATED", payload }]);
  const settled = await settleShipments(trx, [shipment]);
  await appendEvents(trx, [...labelEvents(shipment, labels), ...settled]);
}

function labelEvents(shipment: ShipmentRow, labels: readonly NewLabel[]): DomainEvent[] {
  const [first] = labels;
  if (!first) return [];
  const { id: shipment_id, order_id, carrier_code } = shipment;
  const label_url = labelUrl(first.package_id);
  const { tracking_number } = first;
  return [
    ...firstNumber(shipment, tracking_number),
    event("shipment.label_created", { shipment_id, order_id, tracking_number, carrier_code, label_url }),
  ];
}
