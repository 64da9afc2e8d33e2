import { randomUUID } from "node:crypto";
import pg from "pg";
import { inject } from "vitest";
import { createDatabase, createPool, type Database } from "../../src/db/database.ts";

export interface TestDatabase {
  db: Database;
  pool: pg.Pool;
  url: string;
  close(): Promise<void>;
}

/** A migrated, empty database that nobody else uses; `close` drops it. */
export async function testDatabase(): Promise<TestDatabase> {
  const { serverUrl, template } = inject("postgres");
  const name = `wms_test_${randomUUID().replaceAll("-", "")}`;
  await withServer(serverUrl, (client) => client.query(`create database ${name} template ${template}`));
  const url = inDatabase(serverUrl, name);
  const pool = createPool({ connectionString: url, applicationName: "test" });
  const db = createDatabase(pool);
  const close = async () => {
    await pool.end();
    await withServer(serverUrl, (client) => client.query(`drop database ${name} with (force)`));
  };
  return { db, pool, url, close };
}

/** The same server's address, but of another database. */
export function inDatabase(serverUrl: string, name: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}

async function withServer(serverUrl: string, use: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl });
  await client.connect();
  try {
    await use(client);
  } finally {
    await client.end();
  }
}
