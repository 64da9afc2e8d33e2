import { sql } from "kysely";
import type { Database } from "./database.ts";
import { unlessInTheWay } from "./outbox-partitions.ts";

/** The coming months have their tables before they begin. */
const MONTHS_AHEAD = 2;
/** Calls are kept for so many whole months after their own. */
const MONTHS_KEPT = 3;

interface Month {
  name: string;
  from: string;
  to: string;
}

/** Makes the tables of this month and the next ones, as far as there are none, and says how many it made. */
export async function makeApiCallPartitions(db: Database): Promise<number> {
  const { rows } = await sql<Month>`
    select 'api_calls_' || to_char(month, 'YYYYMM') as name, month::date || ' 00:00+00' as "from",
      (month + interval '1 month')::date || ' 00:00+00' as "to"
    from generate_series(0, ${MONTHS_AHEAD}::int) as ahead,
      lateral (select date_trunc('month', now() at time zone 'UTC') + ahead * interval '1 month' as month) as months
    where to_regclass('api_calls_' || to_char(month, 'YYYYMM')) is null order by month`.execute(db);
  let made = 0;
  for (const month of rows) if (await makePartition(db, month)) made += 1;
  return made;
}

/** Calls that the default table has caught meanwhile move into their month. */
function makePartition(db: Database, { name, from, to }: Month): Promise<boolean> {
  return unlessInTheWay(db, async (trx) => {
    const { rows } = await sql<{ is_there: boolean }>`
      select to_regclass(${name}) is not null as is_there`.execute(trx);
    if (rows[0]?.is_there) return; // another process was first
    const range = sql`for values from (${sql.lit(from)}) to (${sql.lit(to)})`;
    await sql`lock table api_calls_default in access exclusive mode`.execute(trx);
    await sql`create table ${sql.table(name)} (like api_calls including all)`.execute(trx);
    await sql`
      with caught as (
        delete from api_calls_default where created_at >= ${from}::timestamptz and created_at < ${to}::timestamptz returning *
      )
      insert into ${sql.table(name)} select * from caught`.execute(trx);
    await sql`alter table api_calls attach partition ${sql.table(name)} ${range}`.execute(trx);
  });
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
  for (const { name } of rows)
    if (await unlessInTheWay(db, (trx) => sql`drop table ${sql.table(name)}`.execute(trx))) dropped += 1;
  return dropped;
}
