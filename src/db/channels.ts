import { sql } from "kysely";
import type { OrderStatus } from "../domain/vocabulary.ts";
import type { Database } from "./database.ts";

/** Says whether this installation reports to a channel: without its row, nothing is enqueued for it. */
export async function setChannel(db: Database, code: string, present: boolean): Promise<void> {
  if (present)
    await sql`insert into channels (code) values (${code}) on conflict (code) do nothing`.execute(db);
  else await sql`delete from channels where code = ${code}`.execute(db);
}

/** An order's status as it is now; undefined: no such order, or not confirmed yet. */
export async function findOrderStatus(db: Database, order_id: bigint): Promise<OrderStatus | undefined> {
  const row = await db
    .selectFrom("orders")
    .select("status")
    .where("order_id", "=", order_id)
    .where("confirmed_at", "is not", null)
    .executeTakeFirst();
  return row?.status;
}
