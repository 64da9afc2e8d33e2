import { sql } from "kysely";
import type { Transaction } from "./transaction.ts";

/** The time of the one clock that all processes share, at this moment and not at the transaction's start. */
export async function databaseTime(trx: Transaction): Promise<Date> {
  const { rows } = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(trx);
  return (rows[0] as { now: Date }).now;
}
