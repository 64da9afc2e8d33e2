import { sql } from "kysely";
import type { Database } from "../../db/database.ts";
import { claimEvents } from "../../db/inbox.ts";
import { appendEvents } from "../../db/outbox.ts";
import { inTransaction } from "../../db/transaction.ts";
import { CONSUMER_GROUP } from "../../domain/events.ts";
import type { OrderCancelled, OrderConfirmed, OrderEvent } from "../../domain/order-event.ts";
import { takeOrders } from "./take-orders.ts";

/**
 * Takes a batch of order events, each once, in one transaction. What was taken before is passed over. `lockMs`: how long
 * it waits for a lock, when not as long as everybody.
 */
export async function takeOrderEvents(
  db: Database,
  events: readonly OrderEvent[],
  lockMs?: number,
): Promise<void> {
  await inTransaction(db, async (trx) => {
    if (lockMs !== undefined) await sql`set local lock_timeout = ${sql.lit(lockMs)}`.execute(trx);
    const claimed = new Set(
      await claimEvents(
        trx,
        CONSUMER_GROUP,
        events.map((event) => event.eventId),
      ),
    );
    // A batch may hold one event twice: the first occurrence takes the claim along.
    const fresh = events.filter((event) => claimed.delete(event.eventId));
    const confirmed = fresh.filter((event): event is OrderConfirmed => event.kind === "confirmed");
    const cancelled = fresh.filter((event): event is OrderCancelled => event.kind === "cancelled");
    const made = await takeOrders(
      trx,
      confirmed.map(({ order }) => order),
      cancelled,
    );
    await appendEvents(trx, made);
  });
}
