import type { Database } from "../../db/database.ts";
import { type Call, once } from "../../db/idempotency.ts";
import { appendEvents } from "../../db/outbox.ts";
import type { NewPackage } from "../../db/packages.ts";
import { type ShipmentView, shipmentView } from "../../db/shipment-views.ts";
import { carrierExists, lockShipment } from "../../db/shipments.ts";
import type { Transaction } from "../../db/transaction.ts";
import { type CarrierRules, DEFAULT_RULES } from "../../domain/carrier-choice.ts";
import { DomainError, invalidField } from "../../domain/errors.ts";
import { chooseContents, type ShipmentUnits, type WantedUnits } from "../../domain/shipment-contents.ts";
import { chooseForShipment, type ShipmentToSend } from "./choose-carrier.ts";
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
  /** Who takes it when nobody is named. Left out: the default. */
  carrier_rules?: CarrierRules | undefined;
}

/** Makes a shipment of a fulfillment's goods. Its label is bought in the background, once its boxes are measured. */
export async function createShipment(db: Database, call: Call, input: CreateShipment): Promise<ShipmentView> {
  return once(db, call, async (trx) => {
    const source = await findShippable(trx, input);
    const { order_id, warehouse_id, packed_task_id: packing_task_id } = source;
    const sending = { order_id, warehouse_id, packing_task_id, ship_to: input.ship_to ?? null };
    const carrier = await carrierOf(trx, { ...input, ...sending });
    const shipment_id = await openShipment(trx, {
      ...sending,
      ...carrier,
      fulfillment_id: source.fulfillment_id,
      items: contentsOf(source, input),
      packages: input.packages,
    });
    await appendEvents(trx, await settleShipments(trx, [await lockShipment(trx, shipment_id)]));
    return shipmentView(trx, shipment_id);
  });
}

/** The named carrier, or the one that the rules choose; either has to be there. */
async function carrierOf(
  trx: Transaction,
  {
    carrier_code: named,
    carrier_rules = DEFAULT_RULES,
    ...parcel
  }: Omit<CreateShipment, "ship_to"> & ShipmentToSend,
): Promise<{ carrier_code: string; service: string }> {
  const { carrier_code, service } =
    named === undefined
      ? await chooseForShipment(trx, carrier_rules, parcel)
      : { carrier_code: named, service: parcel.service };
  if (await carrierExists(trx, carrier_code)) return { carrier_code, service };
  throw new DomainError("CARRIER_NOT_FOUND", `no carrier ${carrier_code}`, { carrier_code });
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
