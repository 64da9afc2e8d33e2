import { sql } from "kysely";
import type { Database } from "./database.ts";
import { unhurriedly } from "./unhurriedly.ts";

const BATCH = 5_000;

/** Each deletes one batch of what nobody needs any more, and says how many rows went. */
export const PRUNERS = {
  /** A caller that repeats a request does so within minutes; a scanner that was offline, within days. */
  idempotency_keys: olderThan("idempotency_keys", "created_at", 7),
  /** Must outlast any replay of the streams. */
  processed_events: olderThan("processed_events", "processed_at", 30),
  event_attempts: olderThan("event_attempts", "updated_at", 30),
  /** Of alerts that are over, a month shows what keeps coming back. */
  alerts: olderThan("alerts", "resolved_at", 30),
  /** A repeated delivery that comes later states facts that are known already. */
  webhook_deliveries: olderThan("webhook_deliveries", "processed_at", 30),
  /** Of a number that no shipment got in a month, none will. */
  parked_facts: olderThan("parked_facts", "parked_at", 30),
  /** Calls are kept in a table a month, and go with it; these had none. */
  api_calls_default: olderThan("api_calls_default", "created_at", 124),
  /** Events are kept in a table a day, and go with it; these had none. Only the oldest are looked at. */
  outbox_default: (db: Database) =>
    count(
      db,
      sql`
    delete from outbox_default where position = any(array(
      select position from (select position, published_at from outbox_default order by position limit ${BATCH}) oldest
      where published_at < now() - interval '7 days'))`,
    ),
} satisfies Record<string, (db: Database) => Promise<number>>;

/** Rows whose time is so many days ago; those that have none stay. */
function olderThan(table: string, column: string, days: number) {
  return (db: Database) =>
    count(
      db,
      sql`
    delete from ${sql.table(table)} where ctid = any(array(
      select ctid from ${sql.table(table)} where ${sql.ref(column)} < now() - ${days} * interval '1 day' limit ${BATCH}))`,
    );
}

function count(db: Database, statement: ReturnType<typeof sql>): Promise<number> {
  return unhurriedly(db, async (trx) => Number((await statement.execute(trx)).numAffectedRows ?? 0n));
}
