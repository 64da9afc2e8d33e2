import type { Transaction as KyselyTransaction } from "kysely";
import { failpoint } from "../failpoint.ts";
import { tellCommitted } from "./committed.ts";
import type { Database } from "./database.ts";
import { isOutOfReach, sqlState } from "./out-of-reach.ts";
import type { DB } from "./schema.ts";

export type Transaction = KyselyTransaction<DB>;

/** Serialization failure and deadlock: nothing was committed, the whole transaction may run again. */
const RETRYABLE = new Set(["40001", "40P01"]);
const ATTEMPTS = 5;

/** COMMIT was said, and the answer never came: all of it has happened, or nothing. */
export class OutcomeUnknownError extends Error {
  constructor(cause: unknown) {
    super("the line to the database was lost at COMMIT", { cause });
    this.name = "OutcomeUnknownError";
  }
}

/**
 * Runs `work` in one READ COMMITTED transaction, and again when the database asks for it. Never again after a failed
 * COMMIT: that is ambiguous, and only the caller's request id can resolve it.
 */
export async function inTransaction<T>(db: Database, work: (trx: Transaction) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const outcome = await runOnce(db, work);
    if ("result" in outcome) return outcome.result;
    const { error, committing } = outcome;
    if (committing) throw isOutOfReach(error) ? new OutcomeUnknownError(error) : error;
    if (attempt === ATTEMPTS || !RETRYABLE.has(sqlState(error))) throw error;
    await jitter(attempt);
  }
}

type Outcome<T> = { result: T } | { error: unknown; committing: boolean };

async function runOnce<T>(db: Database, work: (trx: Transaction) => Promise<T>): Promise<Outcome<T>> {
  let committing = false;
  let first: { error: unknown } | undefined;
  let ours: Transaction | undefined;
  try {
    const result = await db.transaction().execute(async (trx) => {
      ours = trx;
      try {
        const written = await work(trx);
        failpoint("transaction.written");
        committing = true;
        return written;
      } catch (error) {
        first = { error };
        throw error;
      }
    });
    failpoint("transaction.committed");
    if (ours) tellCommitted(ours);
    return { result };
  } catch (error) {
    // A ROLLBACK on a line that is lost fails too, and its error must not hide the one that says what to do.
    return { error: first ? first.error : error, committing };
  }
}

function jitter(attempt: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.random() * 20 * 2 ** attempt));
}
