import type { Database } from "../../db/database.ts";
import { PRUNERS } from "../../db/retention.ts";

/** Deletes what has outlived its use, in batches, so that no lock is held for long. Says how many rows went, by table. */
export async function prune(db: Database): Promise<Record<string, number>> {
  const pruned = Object.entries(PRUNERS).map(async ([table, deleteBatch]) => [
    table,
    await pruneAll(() => deleteBatch(db)),
  ]);
  return Object.fromEntries(await Promise.all(pruned));
}

async function pruneAll(deleteBatch: () => Promise<number>): Promise<number> {
  for (let total = 0; ; ) {
    const deleted = await deleteBatch();
    total += deleted;
    if (deleted === 0) return total;
  }
}
