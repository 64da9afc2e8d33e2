import { sql } from "kysely";
import type { Database } from "./database.ts";
import { dropPartition, makePartition, type Partition } from "./partitions.ts";

/** So many days have their table before they begin: the housekeeping may miss as many. */
const DAYS_AHEAD = 3;

/**
 * Makes the tables of today and of the next days, as far as there are none, and says how many it made. A day that nobody
 * has prepared goes into the default table, and stays there: nothing ever keeps an event from being written.
 */
export async function makeOutboxPartitions(db: Database): Promise<number> {
  const { rows } = await sql<Partition>`
    select name, "from", "to" from generate_series(0, ${DAYS_AHEAD}::int) as ahead,
      lateral (select (now() at time zone 'UTC')::date + ahead as day) as days,
      lateral (select 'outbox_' || to_char(day, 'YYYYMMDD') as name, day || ' 00:00+00' as "from",
        day + 1 || ' 00:00+00' as "to") as bounds
    where to_regclass(name) is null order by name`.execute(db);
  let made = 0;
  for (const day of rows) if (await makePartition(db, "outbox", day)) made += 1;
  return made;
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

/** By its indexes, however much is in it: of what was published, the relay's last batch is the latest. */
async function isNeeded(db: Database, name: string): Promise<boolean> {
  const day = sql.table(name);
  const { rows } = await sql<{ needed: boolean }>`
    select exists (select from ${day} where published_at is null) or coalesce(
      (select published_at from ${day} where batch is not null order by batch desc limit 1) > now() - interval '7 days',
      false) as needed`.execute(db);
  return rows[0]?.needed === true;
}
