import { sql } from "kysely";
import { LOCKS } from "./advisory-locks.ts";
import type { Database } from "./database.ts";
import { sqlState } from "./out-of-reach.ts";
import type { Transaction } from "./transaction.ts";
import { unhurriedly } from "./unhurriedly.ts";

/** A lock that others hold, and a row that the default table has caught just now. */
const IN_THE_WAY = ["55P03", "23514"];

/** A partition by `created_at`, named after the time that it is for. */
export interface Partition {
  name: string;
  from: string;
  to: string;
}

/**
 * Makes a partition, unless it is there. False: somebody is in the way, and must not be waited for, since everybody else
 * would then wait behind us; or the default table has caught rows of it. They stay there, and what follows them, until
 * they have outlived their use: to move them, all writers would have to wait for as long as it takes.
 */
export async function makePartition(
  db: Database,
  parent: string,
  { name, from, to }: Partition,
): Promise<boolean> {
  const caughtBy = sql.table(`${parent}_default`);
  return unlessInTheWay(db, async (trx) => {
    // From the table itself: the session may remember a name as unknown, and the lock's wait does not remind it.
    const { rows } = await sql<{ is_there: boolean; is_caught: boolean }>`
      select exists (select from pg_class where relname = ${name} and relnamespace = current_schema::regnamespace)
          as is_there,
        exists (select from ${caughtBy} where created_at >= ${from}::timestamptz and created_at < ${to}::timestamptz)
          as is_caught`.execute(trx);
    const [state] = rows;
    if (state?.is_there) return true; // another process was first
    if (state?.is_caught) return false;
    const range = sql`for values from (${sql.lit(from)}) to (${sql.lit(to)})`;
    await sql`create table ${sql.table(name)} (like ${sql.table(parent)} including all)`.execute(trx);
    // The only moment in which others wait: as long as it takes to read the default table, which was just read.
    await sql`alter table ${sql.table(parent)} attach partition ${sql.table(name)} ${range}`.execute(trx);
    return true;
  });
}

/** False: somebody is in the way, and is not waited for. */
export function dropPartition(db: Database, name: string): Promise<boolean> {
  return unlessInTheWay(db, async (trx) => {
    await sql`drop table ${sql.table(name)}`.execute(trx);
    return true;
  });
}

async function unlessInTheWay(db: Database, work: (trx: Transaction) => Promise<boolean>): Promise<boolean> {
  try {
    return await unhurriedly(db, async (trx) => {
      await sql`select set_config('lock_timeout', '500ms', true)`.execute(trx);
      await sql`select pg_advisory_xact_lock(${LOCKS.partitions})`.execute(trx);
      return work(trx);
    });
  } catch (error) {
    if (IN_THE_WAY.includes(sqlState(error))) return false;
    throw error;
  }
}
