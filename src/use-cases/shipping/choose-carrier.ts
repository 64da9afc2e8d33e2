import {
  findEnds,
  findRoute,
  findSending,
  listFreeBoxes,
  listSendings,
  listTaskBoxes,
  type Sending,
} from "../../db/carrier-choice.ts";
import type { Database } from "../../db/database.ts";
import type { Transaction } from "../../db/transaction.ts";
import {
  asksForNothing,
  type CarrierChoice,
  type CarrierRules,
  candidatesOf,
  chooseCarrier,
  matchingRule,
} from "../../domain/carrier-choice.ts";
import { invalidField } from "../../domain/errors.ts";
import type { Dimensions } from "../../domain/parcel.ts";
import type { ParcelToSend } from "../../domain/rule-conditions.ts";
import { PricesNeeded } from "./price-choice.ts";

export interface ShipmentToSend extends Sending {
  service: string;
  /** Where it goes, if not where the order does. */
  ship_to: Record<string, string> | null;
  /** Boxes of its own; empty: those of the packing task. */
  packages: readonly Dimensions[];
}

/** The carrier of a shipment for which nobody named one. Throws PricesNeeded where the rules choose by price. */
export async function chooseForShipment(
  trx: Transaction,
  rules: CarrierRules,
  { service, ship_to, packages, ...sending }: ShipmentToSend,
): Promise<CarrierChoice> {
  const [first] = rules;
  if (first && asksForNothing(first) && !first.among) return chooseCarrier(rules, { ...UNKNOWN, service });
  const route = await findRoute(trx, sending);
  const { packing_task_id } = sending;
  const packed = packages.length === 0 && packing_task_id !== null;
  const boxes = packed ? await listFreeBoxes(trx, packing_task_id) : packages;
  const country = ship_to === null ? route.country : countryOf(ship_to["country"] ?? "");
  const parcel = { ...route, country, service, boxes };
  await assertPriced(trx, rules, parcel, { sending, ship_to });
  return chooseCarrier(rules, parcel);
}

/** A parcel that is not measured has no price: then the preferred carrier takes it. */
async function assertPriced(
  db: Database,
  rules: CarrierRules,
  parcel: ParcelToSend,
  { sending, ship_to }: { sending: Sending; ship_to: Record<string, string> | null },
): Promise<void> {
  const { rule } = matchingRule(rules, parcel);
  const candidates = candidatesOf(rule, parcel.service);
  if (!candidates || rule.prices || parcel.boxes.length === 0) return;
  const ends = await findEnds(db, sending, ship_to);
  throw new PricesNeeded(rule, candidates, { ...ends, boxes: parcel.boxes });
}

/** A parcel of which nothing is known but what a caller states. */
const UNKNOWN: ParcelToSend = { country: "", warehouse_code: "", storefront_id: "", service: "", boxes: [] };

function countryOf(given: string): string {
  return given.trim().toUpperCase();
}

export interface ParcelInQuestion extends Partial<Omit<ParcelToSend, "boxes">> {
  order_id?: bigint | undefined;
  fulfillment_id?: bigint | undefined;
  /** Empty: those of the fulfillment, as far as they are packed. */
  boxes: readonly Dimensions[];
}

export interface ExplainedChoice extends CarrierChoice {
  /** What the rules were asked about. */
  parcel: ParcelToSend;
}

/**
 * What the rules say of a fulfillment's or an order's parcel, or of one that a caller makes up; the latter has no
 * addresses, and so no price. Nothing is written. Throws PricesNeeded where the rules choose by price.
 */
export async function explainCarrierChoice(
  db: Database,
  rules: CarrierRules,
  { order_id, fulfillment_id, boxes, ...stated }: ParcelInQuestion,
): Promise<ExplainedChoice> {
  const sending = await findNamed(db, { order_id, fulfillment_id });
  const known = sending ? await findRoute(db, sending) : {};
  const packed = sending?.packing_task_id ? await listTaskBoxes(db, sending.packing_task_id) : [];
  const given = Object.fromEntries(Object.entries(stated).filter(([, value]) => value));
  const parcel = { ...UNKNOWN, ...known, ...given, boxes: boxes.length > 0 ? boxes : packed };
  const asked = { ...parcel, country: countryOf(parcel.country) };
  if (sending) await assertPriced(db, rules, asked, { sending, ship_to: null });
  return { ...chooseCarrier(rules, asked), parcel: asked };
}

type Named = Pick<ParcelInQuestion, "order_id" | "fulfillment_id">;

async function findNamed(db: Database, { order_id, fulfillment_id }: Named): Promise<Sending | undefined> {
  if (fulfillment_id !== undefined) {
    const sending = await findSending(db, fulfillment_id);
    if (order_id === undefined || order_id === sending.order_id) return sending;
    throw invalidField("fulfillment_id", `is one of order ${sending.order_id}, not of order ${order_id}`);
  }
  if (order_id === undefined) return undefined;
  const sendings = await listSendings(db, order_id);
  if (sendings.length > 1)
    throw invalidField(
      "fulfillment_id",
      `is needed: order ${order_id} has ${sendings.map(({ id }) => id).join(", ")}`,
    );
  return sendings[0] ?? { order_id, warehouse_id: null, packing_task_id: null };
}
