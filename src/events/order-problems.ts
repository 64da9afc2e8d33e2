import { sql } from "kysely";
import { PoolBusyError } from "../db/connection-queue.ts";
import type { Database } from "../db/database.ts";
import { isOutOfReach, isTooSlow, sqlState } from "../db/out-of-reach.ts";
import { OutcomeUnknownError } from "../db/transaction.ts";
import { DomainError } from "../domain/errors.ts";
import { within } from "../telemetry/within.ts";

/** A lock that was waited for in vain, and a serialization failure or a deadlock after all the tries it gets. */
const HELD_UP = ["55P03", "40001", "40P01"];
const PROBE_MS = 2_000;

/** Others hold what is needed, or were first too often: nothing is wrong with the events, and nothing was committed. */
export function isHeldUp(error: unknown): boolean {
  return HELD_UP.includes(sqlState(error));
}

/**
 * Whether it is the database, or that there is too much to do, and not the events. A question that was too slow is no
 * proof: where another is answered, the events were too much at once.
 */
export async function isAway(db: Database, error: unknown): Promise<boolean> {
  if (isTooSlow(error)) return !(await answers(db));
  return (
    isOutOfReach(error) ||
    error instanceof OutcomeUnknownError ||
    error instanceof PoolBusyError ||
    (error instanceof DomainError && ["overload", "unavailable"].includes(error.category))
  );
}

function answers(db: Database): Promise<boolean> {
  return within(PROBE_MS, () => sql`select 1`.execute(db)).then(
    () => true,
    () => false,
  );
}
