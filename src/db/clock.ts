import { sql } from "kysely";
import type { Database } from "./database.ts";
import type { Transaction } from "./transaction.ts";

/** The time of the one clock that all processes share, at this moment and not at the transaction's start. */
export async function databaseTime(trx: Transaction): Promise<Date> {
  const { rows } = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(trx);
  return (rows[0] as { now: Date }).now;
}

/** What clocks and calendars show in a zone, such as `2026-01-15` and `16:30`, by that same clock. */
export async function clockIn(db: Database, zone: string): Promise<{ date: string; time: string }> {
  const { rows } = await sql<{ date: string; time: string }>`
    select to_char(at, 'YYYY-MM-DD') as date, to_char(at, 'HH24:MI') as time
    from (select clock_timestamp() at time zone ${zone} as at) local`.execute(db);
  return rows[0] as { date: string; time: string };
}
