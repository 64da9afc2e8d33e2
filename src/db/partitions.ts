import { sql } from "kysely";
import type { Database } from "./database.ts";
import { sqlState } from "./out-of-reach.ts";
import type { Transaction } from "./transaction.ts";

const PARTITION_LOCK = 8_271_004;
const LOCK_NOT_AVAILABLE = "55P03";

/** A partition by `created_at`, named after the time that it is for. */
export interface Partition {
  name: string;
  from: string;
  to: string;
}

/**
 * Makes a partition, unless it is there. Rows that the default table has caught meanwhile move into it. False: somebody is
 * in the way, and must not be waited for, since everybody else would then wait behind us.
 */
export async function makePartition(
  db: Database,
  parent: string,
  { name, from, to }: Partition,
): Promise<boolean> {
  const caughtBy = sql.table(`${parent}_default`);
  return unlessInTheWay(db, async (trx) => {
    // From the table itself: the session may remember a name as unknown, and the lock's wait does not remind it.
    const { rows } = await sql<{ is_there: boolean }>`
      select exists (select from pg_class where relname = ${name} and relnamespace = current_schema::regnamespace)
        as is_there`.execute(trx);
    if (rows[0]?.is_there) return; // another process was first
    const range = sql`for values from (${sql.lit(from)}) to (${sql.lit(to)})`;
    await sql`lock table ${caughtBy} in access exclusive mode`.execute(trx);
    await sql`create table ${sql.table(name)} (like ${sql.table(parent)} including all)`.execute(trx);
    await sql`
      with caught as (
        delete from ${caughtBy} where created_at >= ${from}::timestamptz and created_at < ${to}::timestamptz returning *
      )
      insert into ${sql.table(name)} select * from caught`.execute(trx);
    await sql`alter table ${sql.table(parent)} attach partition ${sql.table(name)} ${range}`.execute(trx);
  });
}

/** False: somebody is in the way, and is not waited for. */
export function dropPartition(db: Database, name: string): Promise<boolean> {
  return unlessInTheWay(db, (trx) => sql`drop table ${sql.table(name)}`.execute(trx));
}

async function unlessInTheWay(db: Database, work: (trx: Transaction) => Promise<unknown>): Promise<boolean> {
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
