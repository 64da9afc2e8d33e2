import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import type pg from "pg";
import { LOCKS } from "./advisory-locks.ts";
import { makeApiCallPartitions } from "./api-call-partitions.ts";
import { createDatabase } from "./database.ts";
import { makeOutboxPartitions } from "./outbox-partitions.ts";

const FOLDER = new URL("../../migrations/", import.meta.url);

/**
 * Applies the migrations that this database lacks, each in its own transaction, and prepares the outbox for the coming
 * days and the audit for the coming months; returns the migrations' names. `queue` migrates the job queue: that too is one
 * process's at a time.
 */
export async function migrate(pool: pg.Pool, queue = async () => {}): Promise<string[]> {
  const applied = await applyAll(pool, queue);
  const db = createDatabase(pool);
  await makeOutboxPartitions(db);
  await makeApiCallPartitions(db);
  return applied;
}

async function applyAll(pool: pg.Pool, queue: () => Promise<void>): Promise<string[]> {
  const client = await pool.connect();
  try {
    await client.query("set lock_timeout = 0; set statement_timeout = 0");
    await client.query("select pg_advisory_lock($1)", [LOCKS.migration]);
    await client.query(`create table if not exists schema_migrations (
      name text primary key, checksum text not null, applied_at timestamptz not null default now())`);
    const applied = await applyMissing(client);
    await queue();
    return applied;
  } finally {
    client.release(true); // closing the session gives the lock back, whatever happened
  }
}

async function applyMissing(client: pg.PoolClient): Promise<string[]> {
  const { rows } = await client.query<{ name: string; checksum: string }>(
    "select name, checksum from schema_migrations",
  );
  const known = new Map(rows.map((row) => [row.name, row.checksum]));
  const applied: string[] = [];
  for (const { name, text, checksum } of await readMigrations()) {
    const before = known.get(name);
    if (before !== undefined && before !== checksum)
      throw new Error(`migration ${name} was changed after it was applied`);
    if (before !== undefined) continue;
    await client.query(
      `begin;\n${text}\n;insert into schema_migrations (name, checksum) values ('${name}', '${checksum}');\ncommit;`,
    );
    applied.push(name);
  }
  return applied;
}

async function readMigrations() {
  const names = (await readdir(FOLDER)).filter((name) => name.endsWith(".sql")).sort();
  return Promise.all(
    names.map(async (name) => {
      const text = await readFile(new URL(name, FOLDER), "utf8");
      return { name, text, checksum: createHash("sha256").update(text).digest("hex") };
    }),
  );
}
