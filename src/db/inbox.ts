import { sql } from "kysely";
import type { Database } from "./database.ts";
import type { Transaction } from "./transaction.ts";

/**
 * Notes deliveries as processed, in the transaction of their effect, and says which are new. A delivery that another
 * transaction is just processing is waited for; keys are taken in one order, so that two batches do not deadlock.
 */
export async function claimEvents(
  trx: Transaction,
  consumer: string,
  event_ids: readonly string[],
): Promise<string[]> {
  if (event_ids.length === 0) return [];
  const { rows } = await sql<{ event_id: string }>`
    insert into processed_events (consumer, event_id)
    select ${consumer}, event_id from (select distinct unnest(${event_ids}::text[]) as event_id) ids order by event_id
    on conflict do nothing returning event_id`.execute(trx);
  return rows.map((row) => row.event_id);
}

/** Of these deliveries, those that are processed. */
export async function findProcessed(
  db: Database,
  consumer: string,
  event_ids: readonly string[],
): Promise<string[]> {
  if (event_ids.length === 0) return [];
  const { rows } = await sql<{ event_id: string }>`
    select event_id from processed_events
    where consumer = ${consumer} and event_id = any(${event_ids}::text[])`.execute(db);
  return rows.map((row) => row.event_id);
}
