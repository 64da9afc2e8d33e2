import { dropApiCallPartitions, makeApiCallPartitions } from "../../db/api-call-partitions.ts";
import type { Database } from "../../db/database.ts";
import { dropOutboxPartitions, makeOutboxPartitions } from "../../db/outbox-partitions.ts";
import { PRUNERS } from "../../db/retention.ts";

/**
 * Deletes what has outlived its use, in batches, so that no lock is held for long, and drops the outbox's old days and
 * the audit's old months; makes their coming ones. Says how many rows went, by table, and how many partitions came and
 * went.
 */
export async function prune(db: Database): Promise<Record<string, number>> {
  const partitions = {
    outbox_days_made: await makeOutboxPartitions(db),
    outbox_days_dropped: await dropOutboxPartitions(db),
    api_call_months_made: await makeApiCallPartitions(db),
    api_call_months_dropped: await dropApiCallPartitions(db),
  };
  const pruned = Object.entries(PRUNERS).map(async ([table, deleteBatch]) => [
    table,
    await pruneAll(() => deleteBatch(db)),
  ]);
  return { ...Object.fromEntries(await Promise.all(pruned)), ...partitions };
}

async function pruneAll(deleteBatch: () => Promise<number>): Promise<number> {
  for (let total = 0; ; ) {
    const deleted = await deleteBatch();
    total += deleted;
    if (deleted === 0) return total;
  }
}
