import type { Database } from "../../db/database.ts";
import { listLabelsHere, markMoved } from "../../db/labels.ts";
import { type LabelStore, sha256Of } from "../packing/label-store.ts";

const BATCH = 20;

/**
 * Moves labels' bytes from the database to the object store, and says how many. A label is stored in the database when
 * it is bought, in the transaction that says so: a store that can't be reached holds up nothing. The key follows from
 * the bytes, so that moving them twice is moving them once; the row keeps their hash, and gives its own up only when
 * they are safe.
 */
export async function moveLabels(db: Database, store: LabelStore): Promise<number> {
  for (let moved = 0; ; ) {
    const labels = await listLabelsHere(db, BATCH);
    if (labels.length === 0) return moved;
    const safe = await Promise.all(
      labels.map(async ({ package_id, format, content_type, data }) => {
        const sha256 = sha256Of(data);
        const store_key = `${sha256.slice(0, 2)}/${sha256}.${format}`;
        await store.put(store_key, data, content_type);
        return { package_id, format, sha256, store_key };
      }),
    );
    moved += await markMoved(db, safe);
  }
}
