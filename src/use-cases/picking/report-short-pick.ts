import type { Database } from "../../db/database.ts";
import { once } from "../../db/idempotency.ts";
import { appendEvents } from "../../db/outbox.ts";
import { listPickingItems } from "../../db/picking-tasks.ts";
import { type PickAnswer, pickingTaskView } from "../../db/picking-views.ts";
import { writePicks } from "../../db/picking-writes.ts";
import { lockListings, lockShelves } from "../../db/stock.ts";
import { nextItem } from "../../domain/picking.ts";
import { lockTaskWithOrder } from "./lock-task.ts";
import type { PickRequest } from "./pick-request.ts";
import { PickSheet } from "./pick-sheet.ts";
import { repairShortPick } from "./repair-short-pick.ts";

/** A pick whose rest is said not to be there: what was found is picked and the rest repaired, in one transaction. */
export async function reportShortPick(db: Database, request: PickRequest): Promise<PickAnswer> {
  return once(db, request.call, async (trx) => {
    const { task } = await lockTaskWithOrder(trx, request.task_id);
    const items = await listPickingItems(trx, [task.id]);
    const sheet = new PickSheet([task], items);
    const { task: view, item, verdict } = sheet.decide(request);
    const reason = request.pick.short_reason ?? "";
    sheet.note(view, item, verdict, verdict.missing > 0 ? reason : null);
    const strategies = await lockListings(trx, [item.listing_id]);
    await lockShelves(trx, [item.listing_id], [item.product_location_id]);
    await writePicks(trx, sheet.writes);
    const short = { task, items, item, missing: verdict.missing, reason };
    const { events, replacement_ids } = await repairShortPick(trx, short, strategies);
    await appendEvents(trx, [...sheet.events, ...events]);
    const after = await pickingTaskView(trx, task.id);
    return {
      task: after,
      item_id: item.id,
      next_item_id: nextItem(after.items)?.id ?? null,
      replacement_ids,
    };
  });
}
