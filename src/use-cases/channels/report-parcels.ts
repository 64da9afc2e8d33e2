import type { ChannelError, Marketplace } from "../../channels/channel.ts";
import {
  findReportedOrder,
  noteReportError,
  noteShipAttempt,
  noteShipped,
  noteTrackingAttempt,
  noteTrackingSent,
  type ReportedOrder,
  type ReportedParcel,
} from "../../db/channel-reports.ts";
import type { Database } from "../../db/database.ts";

/** What became of it. `refused`: for good; somebody has to see to it. */
export type Reported = "done" | "underway" | "refused";

/**
 * Tells a marketplace of an order's parcels what it has not been told yet: first each number, as soon as there is one,
 * then, once, that the order is shipped. It knows no order in parts, so that it is told so when the last parcel has left
 * the house. Throws what may go better later; what was done by then is not done again.
 */
export async function reportParcels(db: Database, market: Marketplace, order_id: bigint): Promise<Reported> {
  const order = await findReportedOrder(db, market.code, order_id);
  if (!order) return "done";
  for (const parcel of order.parcels) {
    if (parcel.tracking_number === null || parcel.tracking_sent || parcel.failed) continue;
    parcel.failed = !(await sendTracking(db, market, order, parcel));
    parcel.tracking_sent = !parcel.failed;
  }
  if (order.parcels.some((parcel) => parcel.failed)) return "refused";
  if (!isOnItsWay(order)) return "underway";
  if (order.parcels.some((parcel) => parcel.shipped_sent)) {
    await noteShipped(db, market.code, idsOf(order)); // a number has changed since; it has been told
    return "done";
  }
  return (await confirmShipped(db, market, order)) ? "done" : "refused";
}

function isOnItsWay({ status, parcels }: ReportedOrder): boolean {
  const left = status === "shipped" || status === "delivered";
  return left && parcels.some((parcel) => parcel.tracking_sent);
}

async function sendTracking(
  db: Database,
  market: Marketplace,
  order: ReportedOrder,
  parcel: ReportedParcel,
): Promise<boolean> {
  await noteTrackingAttempt(db, market.code, parcel);
  const number = { ...parcel, tracking_number: parcel.tracking_number as string };
  const send = () => market.sendTracking(order.channel_order_id, number);
  if (!(await tried(db, market, [parcel.shipment_id], send))) return false;
  await noteTrackingSent(db, market.code, parcel.shipment_id);
  return true;
}

/** It takes this once. Whoever has tried before, and doesn't know what came of it, looks first. */
async function confirmShipped(db: Database, market: Marketplace, order: ReportedOrder): Promise<boolean> {
  const ids = idsOf(order);
  const again = order.parcels.some((parcel) => parcel.ship_attempts > 0);
  const confirm = async () => {
    if (again && (await isShippedThere(market, order))) return;
    await noteShipAttempt(db, market.code, ids);
    await market.confirmShipped(order.channel_order_id).catch(async (error: unknown) => {
      if (isTemporary(error) || !(await isShippedThere(market, order))) throw error;
    });
  };
  if (!(await tried(db, market, ids, confirm))) return false;
  await noteShipped(db, market.code, ids);
  return true;
}

async function isShippedThere(market: Marketplace, { channel_order_id }: ReportedOrder): Promise<boolean> {
  const { orders } = await market.findOrders([channel_order_id]);
  return orders.some((one) => one.channel_order_id === channel_order_id && one.state === "shipped");
}

/** False: refused for good, which is on record. */
async function tried(
  db: Database,
  { code }: Marketplace,
  ids: readonly bigint[],
  call: () => Promise<void>,
): Promise<boolean> {
  try {
    await call();
    return true;
  } catch (error) {
    const final = !isTemporary(error);
    const text = error instanceof Error ? error.message : String(error);
    await noteReportError(db, code, ids, { error: text, final });
    if (!final) throw error;
    return false;
  }
}

/** What is no answer of the channel's is not its last word. */
function isTemporary(error: unknown): boolean {
  const { retryable } = error as Partial<ChannelError>;
  return retryable !== false;
}

function idsOf({ parcels }: ReportedOrder): bigint[] {
  return parcels.map((parcel) => parcel.shipment_id);
}
