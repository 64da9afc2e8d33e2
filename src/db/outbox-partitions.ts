import { sql } from "kysely";
import type { Database } from "./database.ts";
import { sqlState } from "./out-of-reach.ts";
import type { Transaction } from "./transaction.ts";

/** So many days have their table before they begin: the housekeeping may miss as many. */
const DAYS_AHEAD = 3;
const PARTITION_LOCK = 8_271_004;
const LOCK_NOT_AVAILABLE = "55P03";

interface Day {
  name: string;
  from: string;
  to: string;
}

/**
 * Makes the tables of today and of the next days, as far as there are none, and says how many it made. Events that have
 * been caught by the default table meanwhile move into them. The others stay there: nothing ever keeps an event from
 * being written.
 */
export async function makeOutboxPartitions(db: Database): Promise<number> {
  const { rows } = await sql<Day>`
    select name, "from", "to" from generate_series(0, ${DAYS_AHEAD}::int) as ahead,
      lateral (select (now() at time zone 'UTC')::date + ahead as day) as days,
      lateral (select 'outbox_' || to_char(day, 'YYYYMMDD') as name, day || ' 00:00+00' as "from",
        day + 1 || ' 00:00+00' as "to") as bounds
    where to_regclass(name) is null order by name`.execute(db);
  for (const day of rows) if (!(await makePartition(db, day))) return rows.indexOf(day);
  return rows.length;
}

/** False: somebody is in the way, and must not be waited for, since everybody else would then wait behind us. */
async function makePartition(db: Database, { name, from, to }: Day): Promise<boolean> {
  return unlessInTheWay(db, async (trx) => {
    const { rows } = await sql<{ is_there: boolean }>`
      select to_regclass(${name}) is not null as is_there`.execute(trx);
    if (rows[0]?.is_there) return; // another process was first
    const range = sql`for values from (${sql.lit(from)}) to (${sql.lit(to)})`;
    await sql`lock table outbox_default in access exclusive mode`.execute(trx);
    await sql`create table ${sql.table(name)} (like outbox including all)`.execute(trx);
    await sql`
      with caught as (
        delete from outbox_default where created_at >= ${from}::timestamptz and created_at < ${to}::timestamptz returning *
      )
      insert into ${sql.table(name)} select * from caught`.execute(trx);
    await sql`alter table outbox attach partition ${sql.table(name)} ${range}`.execute(trx);
  });
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
    const done = await unlessInTheWay(db, (trx) => sql`drop table ${sql.table(name)}`.execute(trx));
    if (!done) break;
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

/** Changes partitions. False: somebody is in the way, and is not waited for. */
export async function unlessInTheWay(
  db: Database,
  work: (trx: Transaction) => Promise<unknown>,
): Promise<boolean> {
  try {
    await db.transaction().execute(async (trx) => {
      await sql`select set_config('lock_timeout', '500ms', true)`.execute(trx);
      await sql`select pg_advisory_xact_lock(${PARTITION_LOCK})`.execute(trx);
      await work(trx);
    });
    return true;
  } catch (error) {
    if (sqlState(error) === LOCK_NOT_AVAILABLE) return false;
    throw error;
  }
}
