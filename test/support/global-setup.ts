import { chmod, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runMigrations } from "graphile-worker";
import pg from "pg";
import type { TestProject } from "vitest/node";
import { createPool } from "../../src/db/database.ts";
import { migrate } from "../../src/db/migrate.ts";
import { startEmbedded } from "../../src/embedded/embedded.ts";
import { inDatabase } from "./database.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** The server that the tests' databases live on, and the database that each is a copy of. */
    postgres: { serverUrl: string; template: string };
  }
}

/** One PostgreSQL for all test files (TEST_DATABASE_URL: that one), with one migrated database to copy. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { url: serverUrl, stop } = await findServer();
  const template = `wms_template_${process.pid}_${Date.now()}`;
  const tearDown = async () => {
    try {
      await runOn(serverUrl, `drop database if exists ${template} with (force)`);
    } finally {
      await stop();
    }
  };
  try {
    await makeTemplate(serverUrl, template);
  } catch (error) {
    await tearDown();
    throw error;
  }
  project.provide("postgres", { serverUrl, template });
  return tearDown;
}

async function makeTemplate(serverUrl: string, template: string): Promise<void> {
  await runOn(serverUrl, `create database ${template}`);
  const connectionString = inDatabase(serverUrl, template);
  const pool = createPool({ connectionString, max: 1 });
  try {
    await migrate(pool);
  } finally {
    await pool.end();
  }
  await runMigrations({ connectionString });
}

async function findServer(): Promise<{ url: string; stop: () => Promise<void> }> {
  const given = process.env["TEST_DATABASE_URL"];
  if (given) return { url: given, stop: async () => {} };
  const dataDir = await mkdtemp(join(tmpdir(), "warehouse-test-"));
  await chmod(dataDir, 0o711); // Postgres' own user has to pass through
  const need = { postgres: true, redis: false };
  const { databaseUrl, stop } = await startEmbedded({ dataDir, log() {}, need, fast: true, discard: true });
  if (!databaseUrl) throw new Error("the embedded Postgres has no address");
  return { url: databaseUrl, stop };
}

async function runOn(serverUrl: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
