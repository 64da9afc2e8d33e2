import type { OrderChannel } from "../../channels/channel.ts";
import { findOrderStatus } from "../../db/channels.ts";
import type { Database } from "../../db/database.ts";
import type { OrderStatus } from "../../domain/vocabulary.ts";

/**
 * Tells the channel what an order's status is now, not what it was when the job was enqueued: late and repeated jobs
 * then never report backwards. Returns what was told; undefined: nothing.
 */
export async function reportOrderStatus(
  db: Database,
  channel: OrderChannel,
  order_id: bigint,
): Promise<OrderStatus | undefined> {
  const status = await findOrderStatus(db, order_id);
  if (status === undefined) return undefined;
  await channel.updateOrderStatus(order_id, status, `the order is ${status.replaceAll("_", " ")}`);
  return status;
}
