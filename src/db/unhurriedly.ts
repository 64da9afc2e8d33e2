import { sql } from "kysely";
import type { Database } from "./database.ts";
import { unhurried } from "./preparing-client.ts";
import type { Transaction } from "./transaction.ts";

const STATEMENT_MS = 60_000;

/**
 * A transaction whose statements may take a minute each, for work that reads all of a large table and that nobody waits
 * for: within the usual limit it would fail at the same place every time.
 */
export function unhurriedly<T>(db: Database, work: (trx: Transaction) => Promise<T>): Promise<T> {
  return unhurried(() =>
    db.transaction().execute(async (trx) => {
      await sql`select set_config('statement_timeout', ${String(STATEMENT_MS)}, true)`.execute(trx);
      return work(trx);
    }),
  );
}
