import {
  type ContentLine,
  listFulfillmentContents,
  listOrderContents,
} from "../../db/fulfillment-contents.ts";
import { lockOrder, type OrderRow } from "../../db/orders.ts";
import { type FulfillmentState, findFulfillment, listOrderFulfillments } from "../../db/shippable.ts";
import type { Transaction } from "../../db/transaction.ts";
import { DomainError, invalidField } from "../../domain/errors.ts";

/** Goods that a shipment can be made of. */
export interface Shippable {
  order_id: bigint;
  /** null: of an order that was not picked here. */
  fulfillment_id: bigint | null;
  warehouse_id: bigint | null;
  /** The packing task, once it is packed and its boxes are measured. */
  packed_task_id: bigint | null;
  lines: ContentLine[];
  /** Live shipments that are there already. */
  shipment_ids: bigint[];
}

const SENDS_NOTHING = ["cancelled", "backordered", "completed"];

/** Finds what a caller means by an order, a fulfillment or both, locks its order, and says what of it can be shipped. */
export async function findShippable(
  trx: Transaction,
  wanted: { order_id?: bigint | undefined; fulfillment_id?: bigint | undefined },
): Promise<Shippable> {
  const named =
    wanted.fulfillment_id === undefined ? undefined : await findFulfillment(trx, wanted.fulfillment_id);
  const order_id = wanted.order_id ?? named?.order_id;
  if (order_id === undefined) throw invalidField("order_id", "or fulfillment_id must be given");
  if (named && named.order_id !== order_id)
    throw invalidField("fulfillment_id", `is one of order ${named.order_id}, not of order ${order_id}`);
  const order = await lockOrder(trx, order_id);
  if (order.status === "cancelled") throw cannotShip("order", order_id, order.status);
  const fulfillment = named ? await findFulfillment(trx, named.id) : await onlyFulfillment(trx, order);
  if (!fulfillment) return ofOrder(trx, order_id);
  if (SENDS_NOTHING.includes(fulfillment.status))
    throw cannotShip("fulfillment", fulfillment.id, fulfillment.status);
  const { id, warehouse_id, packed_task_id, shipment_ids } = fulfillment;
  const lines = await listFulfillmentContents(trx, id);
  return { order_id, fulfillment_id: id, warehouse_id, packed_task_id, shipment_ids, lines };
}

/** The order's live fulfillment; undefined when it never had any. */
async function onlyFulfillment(
  trx: Transaction,
  { order_id }: OrderRow,
): Promise<FulfillmentState | undefined> {
  const all = await listOrderFulfillments(trx, order_id);
  const live = all.filter((fulfillment) => !SENDS_NOTHING.includes(fulfillment.status));
  if (live.length > 1)
    throw invalidField(
      "fulfillment_id",
      `is needed: order ${order_id} has ${live.map(({ id }) => id).join(", ")}`,
    );
  return live[0] ?? all.at(-1);
}

async function ofOrder(trx: Transaction, order_id: bigint): Promise<Shippable> {
  const lines = await listOrderContents(trx, order_id);
  return {
    order_id,
    fulfillment_id: null,
    warehouse_id: null,
    packed_task_id: null,
    shipment_ids: [],
    lines,
  };
}

function cannotShip(resource: "order" | "fulfillment", id: bigint, status: string): DomainError {
  return new DomainError(
    "ILLEGAL_TRANSITION",
    `${resource} ${id} is ${status}: there is nothing of it to ship`,
    {
      resource,
      id,
      from: status,
      to: status,
      action: "create_shipment",
    },
  );
}
