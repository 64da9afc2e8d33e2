import type { WarehouseService } from "../../gen/wms/v1/warehouse_service_pb.js";
import type { Deps } from "./deps.ts";
import type { HandlersOf } from "./handler.ts";
import { requiredId } from "./parse.ts";
import { parseResumeToken } from "./watch/resume-token.ts";
import { OutboxTail } from "./watch/tail.ts";
import { watchOrder } from "./watch/watch-order.ts";
import { watchTasks } from "./watch/watch-tasks.ts";

type Topic = "watchTasks" | "watchOrder";

export function watchHandlers({ db }: Deps): Pick<HandlersOf<typeof WarehouseService>, Topic> {
  const feed = { db, tail: new OutboxTail(db) };
  return {
    watchTasks: (request, { signal }) =>
      watchTasks(feed, {
        warehouse_id: requiredId("warehouse_id", request.warehouseId),
        after: parseResumeToken(request.resumeToken),
        signal,
      }),
    watchOrder: (request, { signal }) =>
      watchOrder(feed, {
        order_id: requiredId("order_id", request.orderId),
        after: parseResumeToken(request.resumeToken),
        signal,
      }),
  };
}
