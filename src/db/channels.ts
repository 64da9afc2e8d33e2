import { sql } from "kysely";
import type { OrderStatus } from "../domain/vocabulary.ts";
import type { Database } from "./database.ts";

/** Says whether this installation reports to a channel: without its row, nothing is enqueued for it. */
export async function setChannel(db: Database, code: string, present: boolean): Promise<void> {
  if (present)
    await sql`insert into channels (code) values (${code}) on conflict (code) do nothing`.execute(db);
  else await sql`delete from channels where code = ${code}`.execute(db);
}

/** An order's status as it is now; undefined: no such order, not confirmed yet, or not one of the Listings service's. */
export async function findOrderStatus(db: Database, order_id: bigint): Promise<OrderStatus | undefined> {
  const { rows } = await sql<{ status: OrderStatus }>`
    select status from orders o where order_id = ${order_id} and confirmed_at is not null
      and not exists (select from channel_orders c where c.order_id = o.order_id)`.execute(db);
  return rows[0]?.status;
}
