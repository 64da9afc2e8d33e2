import type { Database } from "../../db/database.ts";
import { type Call, once } from "../../db/idempotency.ts";
import { appendEvents } from "../../db/outbox.ts";
import type { NewPackage } from "../../db/packages.ts";
import { type ShipmentView, shipmentView } from "../../db/shipment-views.ts";
import { carrierExists, lockShipment } from "../../db/shipments.ts";
import type { Transaction } from "../../db/transaction.ts";
import { DEFAULT_CARRIER } from "../../domain/carrier-choice.ts";
import { DomainError, invalidField } from "../../domain/errors.ts";
import { chooseContents, type ShipmentUnits, type WantedUnits } from "../../domain/shipment-contents.ts";
import { settleShipments } from "./hand-over.ts";
import { openShipment } from "./open-shipment.ts";
import { findShippable, type Shippable } from "./shippable.ts";

export interface CreateShipment {
  order_id?: bigint | undefined;
  fulfillment_id?: bigint | undefined;
  carrier_code?: string | undefined;
  service: string;
  /** Empty: the boxes of the fulfillment's packing task. */
  packages: readonly NewPackage[];
  /** Empty: whatever is in no shipment yet. */
  items: readonly WantedUnits[];
  ship_to?: Record<string, string> | undefined;
}

/** Makes a shipment of a fulfillment's goods. Its label is bought in the background, once its boxes are measured. */
export async function createShipment(db: Database, call: Call, input: CreateShipment): Promise<ShipmentView> {
  return once(db, call, async (trx) => {
    const source = await findShippable(trx, input);
    const carrier_code = await chooseCarrier(trx, input.carrier_code);
    const items = contentsOf(source, input);
    const shipment_id = await openShipment(trx, {
      order_id: source.order_id,
      fulfillment_id: source.fulfillment_id,
      warehouse_id: source.warehouse_id,
      carrier_code,
      service: input.service,
      ship_to: input.ship_to ?? null,
      items,
      packages: input.packages,
      packing_task_id: source.packed_task_id,
    });
    await appendEvents(trx, await settleShipments(trx, [await lockShipment(trx, shipment_id)]));
    return shipmentView(trx, shipment_id);
  });
}

async function chooseCarrier(trx: Transaction, given: string | undefined): Promise<string> {
  const code = given ?? DEFAULT_CARRIER;
  if (await carrierExists(trx, code)) return code;
  throw new DomainError("CARRIER_NOT_FOUND", `no carrier ${code}`, { carrier_code: code });
}

function contentsOf(source: Shippable, { items, packages }: CreateShipment): ShipmentUnits[] {
  const left = source.lines.reduce((sum, line) => sum + line.remaining, 0);
  if (left === 0) throw allShipped(source);
  const chosen = chooseContents(source.lines, items);
  const units = chosen.reduce((sum, item) => sum + item.quantity, 0);
  if (units < left && packages.length === 0)
    throw invalidField(
      "packages",
      "are needed for a part of the goods: which boxes they are in is not known otherwise",
    );
  return chosen;
}

function allShipped({ order_id, shipment_ids }: Shippable): DomainError {
  const shipment_id = shipment_ids.at(-1);
  if (shipment_id === undefined)
    return new DomainError("NOTHING_PICKED", `order ${order_id} has nothing to ship yet`, { order_id });
  return new DomainError(
    "SHIPMENT_EXISTS",
    `everything there is of order ${order_id} is in shipment ${shipment_id}`,
    {
      order_id,
      shipment_id,
    },
  );
}
