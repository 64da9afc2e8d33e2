import type pg from "pg";
import { createDatabase, createPool, type Database } from "../db/database.ts";
import { Turnstile } from "../db/turnstile.ts";
import type { Opened } from "./opened.ts";

/**
 * Connections of one process, by who uses them: a crowd of callers must not keep the consumer or a health check waiting.
 * With those that the job queue and the relay hold they are thirty-one at most, so that three processes of every role
 * fit into a server's usual hundred, and leave some for people.
 */
const SIZES = {
  rpc: 12,
  consumer: 3, // one holds its name, one works, one looks things up
  jobs: 5, // four jobs at once, and the sweep for dead workers
  health: 1,
  metrics: 1,
} as const;

export function openDatabase(
  databaseUrl: string,
  purpose: keyof typeof SIZES,
  opened: Opened,
): { db: Database; pool: pg.Pool } {
  const pool = createPool({
    connectionString: databaseUrl,
    max: SIZES[purpose],
    applicationName: `warehouse-${purpose}`,
  });
  const turnstile = new Turnstile(pool);
  opened.pools.set(purpose, turnstile);
  opened.add("connections", () => pool.end());
  return { db: createDatabase(pool, turnstile), pool };
}
