import { sql } from "kysely";
import type { Database } from "./database.ts";
import { dropPartition, makePartition, type Partition } from "./partitions.ts";

/** The coming months have their tables before they begin. */
const MONTHS_AHEAD = 2;
/** Calls are kept for so many whole months after their own. */
const MONTHS_KEPT = 3;

/** Makes the tables of this month and the next ones, as far as there are none, and says how many it made. */
export async function makeApiCallPartitions(db: Database): Promise<number> {
  const { rows } = await sql<Partition>`
    select 'api_calls_' || to_char(month, 'YYYYMM') as name, month::date || ' 00:00+00' as "from",
      (month + interval '1 month')::date || ' 00:00+00' as "to"
    from generate_series(0, ${MONTHS_AHEAD}::int) as ahead,
      lateral (select date_trunc('month', now() at time zone 'UTC') + ahead * interval '1 month' as month) as months
    where to_regclass('api_calls_' || to_char(month, 'YYYYMM')) is null order by month`.execute(db);
  let made = 0;
  for (const month of rows) if (await makePartition(db, "api_calls", month)) made += 1;
  return made;
}

/** Drops the months that have been kept long enough, and says how many. */
export async function dropApiCallPartitions(db: Database): Promise<number> {
  const { rows } = await sql<{ name: string }>`
    select relname as name from pg_inherits join pg_class c on c.oid = inhrelid
    where inhparent = 'api_calls'::regclass and relname ~ '^api_calls_[0-9]{6}$'
      and to_date(right(relname, 6), 'YYYYMM') + ${MONTHS_KEPT + 1} * interval '1 month'
        <= (now() at time zone 'UTC')
    order by relname`.execute(db);
  let dropped = 0;
  for (const { name } of rows) if (await dropPartition(db, name)) dropped += 1;
  return dropped;
}
