import { sql } from "kysely";
import type { Database } from "./database.ts";

/** An order of a marketplace of which units were cancelled here, and which has not come to its end there. */
export interface CancelledHere {
  channel_order_id: string;
  /** Units that we still mean to send; 0: none. */
  units_left: number;
}

/** Oldest first: they are few, since each goes with its end there. */
export async function listCancelledHere(
  db: Database,
  channel: string,
  limit: number,
): Promise<CancelledHere[]> {
  const { rows } = await sql<CancelledHere>`
    select c.channel_order_id, sum(i.quantity - i.cancelled_quantity)::int as units_left
    from channel_orders c join order_items i on i.order_id = c.order_id
    where c.channel = ${channel} and c.taken_at is not null and c.ended_at is null
      and c.state not in ('shipped', 'cancelled')
    group by c.channel_order_id, c.order_id having sum(i.cancelled_quantity) > 0
    order by c.order_id limit ${limit}`.execute(db);
  return rows;
}

/** Of a channel's alerts of this name, keyed by its orders, only those that were just raised still hold. */
export async function clearOtherAlerts(
  db: Database,
  { name, channel }: { name: string; channel: string },
  holding: readonly string[],
): Promise<void> {
  await sql`
    update alerts set resolved_at = now()
    where name = ${name} and resolved_at is null and labels->>'channel' = ${channel}
      and not (labels->>'channel_order_id' = any(${holding}::text[]))`.execute(db);
}
