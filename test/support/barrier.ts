import pg from "pg";
import { until } from "./until.ts";

/** Rows that racers need first. */
export interface Held {
  table: "orders" | "listings" | "picking_tasks" | "packing_tasks";
  ids: readonly bigint[];
}

const KEYS = { orders: "order_id", listings: "listing_id", picking_tasks: "id", packing_tasks: "id" };

/**
 * Lets calls begin together: each comes as far as a row that it needs, which is held until everybody stands before one.
 * Who is let in first is up to the database.
 */
export async function together<T>(
  url: string,
  held: readonly Held[],
  racers: readonly (() => Promise<T>)[],
): Promise<PromiseSettledResult<T>[]> {
  const holder = new pg.Client({ connectionString: url });
  const watcher = new pg.Client({ connectionString: url }); // one transaction sees one state of who waits
  await Promise.all([holder.connect(), watcher.connect()]);
  try {
    await holder.query("begin");
    for (const { table, ids } of held)
      await holder.query(`select from ${table} where ${KEYS[table]} = any($1::bigint[]) for update`, [
        ids.map(String),
      ]);
    const running = Promise.allSettled(racers.map((start) => start()));
    await until(`${racers.length} racers wait`, async () => (await waiting(watcher)) >= racers.length, 3_000);
    await holder.query("commit");
    return await running;
  } finally {
    await Promise.all([holder.end(), watcher.end()]);
  }
}

async function waiting(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ count: number }>(
    "select count(*)::int as count from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
  );
  return rows[0]?.count ?? 0;
}
