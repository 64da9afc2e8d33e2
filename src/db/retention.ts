import { sql } from "kysely";
import type { Database } from "./database.ts";

const BATCH = 5_000;

/** Each deletes one batch of what nobody needs any more, oldest first, and says how many rows went. */
export const PRUNERS = {
  /** A caller that repeats a request does so within minutes; a scanner that was offline, within days. */
  idempotency_keys: (db: Database) =>
    count(
      db,
      sql`
    delete from idempotency_keys where ctid = any(array(
      select ctid from idempotency_keys where created_at < now() - interval '7 days' limit ${BATCH}))`,
    ),
  /** Must outlast any replay of the streams. */
  processed_events: (db: Database) =>
    count(
      db,
      sql`
    delete from processed_events where ctid = any(array(
      select ctid from processed_events where processed_at < now() - interval '30 days' limit ${BATCH}))`,
    ),
  event_attempts: (db: Database) =>
    count(
      db,
      sql`
    delete from event_attempts where ctid = any(array(
      select ctid from event_attempts where updated_at < now() - interval '30 days' limit ${BATCH}))`,
    ),
  /** Of alerts that are over, a month shows what keeps coming back. */
  alerts: (db: Database) =>
    count(
      db,
      sql`
    delete from alerts where id = any(array(
      select id from alerts where resolved_at < now() - interval '30 days' limit ${BATCH}))`,
    ),
  /** A repeated delivery that comes later states facts that are known already. */
  webhook_deliveries: (db: Database) =>
    count(
      db,
      sql`
    delete from webhook_deliveries where id = any(array(
      select id from webhook_deliveries where processed_at < now() - interval '30 days' limit ${BATCH}))`,
    ),
  /** Of a number that no shipment got in a month, none will. */
  parked_facts: (db: Database) =>
    count(
      db,
      sql`
    delete from parked_facts where id = any(array(
      select id from parked_facts where parked_at < now() - interval '30 days' limit ${BATCH}))`,
    ),
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

async function count(db: Database, statement: ReturnType<typeof sql>): Promise<number> {
  return Number((await statement.execute(db)).numAffectedRows ?? 0n);
}
