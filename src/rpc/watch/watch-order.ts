import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { OrderSchema } from "../../../gen/wms/v1/orders_pb.js";
import type { WatchOrderResponseSchema } from "../../../gen/wms/v1/watch_pb.js";
import type { Database } from "../../db/database.ts";
import { findOrderView, type OrderView } from "../../db/order-views.ts";
import { orderNotFound } from "../../db/orders.ts";
import { shipmentViews } from "../../db/shipment-views.ts";
import { orderMessage } from "../order-messages.ts";
import { follow, type News } from "./changes.ts";
import { resumeToken } from "./resume-token.ts";
import type { OutboxTail } from "./tail.ts";

type Answer = MessageInitShape<typeof WatchOrderResponseSchema>;
type OrderMessage = MessageInitShape<typeof OrderSchema>;

interface OrderWatch {
  order_id: bigint;
  after: bigint | undefined;
  signal: AbortSignal;
  aliveMs?: number | undefined;
}

/** Ends by itself when the order has ended. */
export async function* watchOrder(
  feed: { db: Database; tail: OutboxTail },
  { order_id, ...rest }: OrderWatch,
): AsyncGenerator<Answer> {
  await readOrder(feed.db, order_id); // or it is refused
  for await (const news of follow(feed, { watched: { order_id }, ...rest })) {
    const { order, message } = await readOrder(feed.db, order_id);
    yield* tell(news, message);
    if (hasEnded(order)) return;
  }
}

function* tell(news: News, order: OrderMessage): Generator<Answer> {
  if (news.kind === "changes") {
    for (const { event, position } of news.changes) {
      const change = {
        eventType: event.type,
        eventId: event.id,
        occurredAt: timestampFromDate(event.created_at),
        order,
      };
      yield { resumeToken: resumeToken(position), content: { case: "change", value: change } };
    }
  } else if (news.kind === "present") {
    yield { resumeToken: resumeToken(news.position), content: { case: "snapshot", value: order } };
  } else {
    yield { resumeToken: resumeToken(news.position) };
  }
}

async function readOrder(
  db: Database,
  order_id: bigint,
): Promise<{ order: OrderView; message: OrderMessage }> {
  const order = await findOrderView(db, order_id);
  if (!order) throw orderNotFound(order_id);
  const shipments = order.fulfillments.flatMap((fulfillment) => fulfillment.shipment_ids);
  return { order, message: orderMessage(order, await shipmentViews(db, shipments)) };
}

function hasEnded({ status }: OrderView): boolean {
  return status === "delivered" || status === "cancelled";
}
