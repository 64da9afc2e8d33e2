import type { Transaction as KyselyTransaction } from "kysely";
import type { Database } from "./database.ts";
import type { DB } from "./schema.ts";

export type Transaction = KyselyTransaction<DB>;

/** Serialization failure and deadlock: nothing was committed, the whole transaction may run again. */
const RETRYABLE = new Set(["40001", "40P01"]);
const ATTEMPTS = 5;

/**
 * Runs `work` in one READ COMMITTED transaction, and again when the database asks for it. Never again after a failed
 * COMMIT: that is ambiguous, and only the caller's request id can resolve it.
 */
export async function inTransaction<T>(db: Database, work: (trx: Transaction) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    let committing = false;
    try {
      return await db.transaction().execute(async (trx) => {
        const result = await work(trx);
        committing = true;
        return result;
      });
    } catch (error) {
      if (committing || attempt === ATTEMPTS || !RETRYABLE.has(sqlState(error))) throw error;
      await jitter(attempt);
    }
  }
}

export function sqlState(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
}

function jitter(attempt: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.random() * 20 * 2 ** attempt));
}
