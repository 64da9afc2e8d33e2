import { dropApiCallPartitions, makeApiCallPartitions } from "../../db/api-call-partitions.ts";
import type { Database } from "../../db/database.ts";
import { dropOutboxPartitions, makeOutboxPartitions } from "../../db/outbox-partitions.ts";
import { PRUNERS } from "../../db/retention.ts";

type Part = (db: Database) => Promise<number>;

/** The coming partitions first, since they can be late; old events that have no day of their own before whole days. */
const PARTS: Readonly<Record<string, Part>> = {
  outbox_days_made: makeOutboxPartitions,
  api_call_months_made: makeApiCallPartitions,
  ...Object.fromEntries(
    Object.entries(PRUNERS).map(([table, deleteBatch]) => [table, inBatches(deleteBatch)]),
  ),
  outbox_days_dropped: dropOutboxPartitions,
  api_call_months_dropped: dropApiCallPartitions,
};

/**
 * Deletes what has outlived its use, in batches, so that no lock is held for long, and drops the outbox's old days and
 * the audit's old months; makes their coming ones. Says how many rows went, by table, and how many partitions came and
 * went. What fails keeps nothing else from being done, or else the disk would fill up behind it; it is told at the end.
 */
export async function prune(db: Database): Promise<Record<string, number>> {
  const done: Record<string, number> = {};
  const failed: Error[] = [];
  for (const [name, part] of Object.entries(PARTS)) {
    try {
      done[name] = await part(db);
    } catch (cause) {
      failed.push(new Error(`${name} (${(cause as Error).message})`, { cause }));
    }
  }
  if (failed.length === 0) return done;
  throw new AggregateError(
    failed,
    `not all of it was done: ${failed.map(({ message }) => message).join(", ")}`,
  );
}

function inBatches(deleteBatch: Part): Part {
  return async (db) => {
    for (let total = 0; ; ) {
      const deleted = await deleteBatch(db);
      total += deleted;
      if (deleted === 0) return total;
    }
  };
}
