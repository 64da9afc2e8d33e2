import { sql } from "kysely";
import type { Database } from "./database.ts";
import { dropPartition, makePartition, type Partition } from "./partitions.ts";

/** So many days have their table before they begin: the housekeeping may miss as many. */
const DAYS_AHEAD = 3;

/**
 * Makes the tables of today and of the next days, as far as there are none, and says how many it made. Events that have
 * been caught by the default table meanwhile move into them. The others stay there: nothing ever keeps an event from
 * being written.
 */
export async function makeOutboxPartitions(db: Database): Promise<number> {
  const { rows } = await sql<Partition>`
    select name, "from", "to" from generate_series(0, ${DAYS_AHEAD}::int) as ahead,
      lateral (select (now() at time zone 'UTC')::date + ahead as day) as days,
      lateral (select 'outbox_' || to_char(day, 'YYYYMMDD') as name, day || ' 00:00+00' as "from",
        day + 1 || ' 00:00+00' as "to") as bounds
    where to_regclass(name) is null order by name`.execute(db);
  for (const day of rows) if (!(await makePartition(db, "outbox", day))) return rows.indexOf(day);
  return rows.length;
}

/**
 * Drops the days of which everything was published more than a week ago, oldest first, and says how many. Until then
 * their events can be published again, should Redis lose them.
 */
export async function dropOutboxPartitions(db: Database): Promise<number> {
  const { rows } = await sql<{ name: string }>`
    select relname as name from pg_inherits join pg_class c on c.oid = inhrelid
    where inhparent = 'outbox'::regclass and relname ~ '^outbox_[0-9]{8}$'
      and right(relname, 8)::date + 1 <= (now() at time zone 'UTC')::date - 7
    order by relname`.execute(db);
  let dropped = 0;
  // Never a later day before an earlier one: an aggregate's events go from its first.
  for (const { name } of rows) {
    if (await isNeeded(db, name)) break;
    if (!(await dropPartition(db, name))) break;
    dropped += 1;
  }
  return dropped;
}

async function isNeeded(db: Database, name: string): Promise<boolean> {
  const { rows } = await sql<{ needed: boolean }>`
    select exists (select from ${sql.table(name)} where published_at is null or published_at > now() - interval '7 days')
      as needed`.execute(db);
  return rows[0]?.needed === true;
}
