import type { ChannelError, Exchange, OrderChannel } from "../../channels/channel.ts";
import { insertApiCall } from "../../db/api-calls.ts";
import { findOrderStatus } from "../../db/channels.ts";
import type { Database } from "../../db/database.ts";

/**
 * Tells the channel what an order's status is now, not what it was when the job was enqueued: late and repeated jobs
 * then never report backwards. Every attempt is kept for the audit.
 */
export async function reportOrderStatus(
  db: Database,
  channel: OrderChannel,
  { order_id, attempt }: { order_id: bigint; attempt: number },
): Promise<void> {
  const status = await findOrderStatus(db, order_id);
  if (status === undefined) return;
  const started = performance.now();
  const audit = ({ request, status_code, body }: Exchange, is_success: boolean) =>
    insertApiCall(db, {
      service: channel.code,
      endpoint: "update_order_status",
      related_id: `order:${order_id}`,
      request_payload: request,
      response_body: body,
      status_code,
      is_success,
      duration_ms: performance.now() - started,
      attempt,
    });
  try {
    await audit(
      await channel.updateOrderStatus(order_id, status, `the order is ${status.replaceAll("_", " ")}`),
      true,
    );
  } catch (error) {
    if (isChannelError(error)) await audit(error.exchange, false);
    throw error;
  }
}

function isChannelError(error: unknown): error is ChannelError {
  return error instanceof Error && error.name === "ChannelError";
}
