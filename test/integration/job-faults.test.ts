import { sql } from "kysely";
import type pg from "pg";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, describe, it } from "vitest";
import { createDatabase, createPool } from "../../src/db/database.ts";
import { type Jobs, startJobs } from "../../src/jobs/jobs.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { type Proxy, startProxy } from "../support/proxy.ts";
import { until } from "../support/until.ts";

let database: TestDatabase;
let proxy: Proxy;
let pool: pg.Pool;
let jobs: Jobs;

beforeAll(async () => {
  database = await testDatabase();
  proxy = await startProxy(database.url);
  pool = createPool({ connectionString: proxy.url, max: 5 });
  jobs = await startJobs({
    databaseUrl: proxy.url,
    db: createDatabase(pool),
    carriers: new Map(),
    channels: { listings: undefined },
    logger: pino({ level: "silent" }),
    trackingPollSeconds: 60,
  });
});

afterEach(() => proxy.mend());

afterAll(async () => {
  await jobs.stop();
  await pool.end();
  await proxy.close();
  await database.close();
});

async function addJob(): Promise<void> {
  await sql`select graphile_worker.add_job('expire_reservations')`.execute(database.db);
}

/** Until all are done that were added. */
async function worked(ms: number): Promise<void> {
  const allDone = async () => {
    const { rows } = await sql`
      select to_jsonb(job)::text as job from graphile_worker.jobs job
      where task_identifier = 'expire_reservations'`.execute(database.db);
    if (rows.length > 0) throw new Error(rows.map((row) => (row as { job: string }).job).join());
    return true;
  };
  await until("every job is done", allDone, ms);
}

describe("the job runner", () => {
  it("goes on when the answer to a finished job's end is lost", async () => {
    for (let nth = 0; nth < 3; nth++) {
      proxy.dropNextReply(/complete_job/);
      await addJob();
      await worked(10_000);
    }
    const before = jobs.progress().succeeded;
    await addJob();
    await until("a job succeeds", async () => jobs.progress().succeeded > before, 5_000);
  });

  it("does what it was given when the answer that gave it was lost", async () => {
    for (let nth = 0; nth < 3; nth++) {
      proxy.dropNextReply(/get_job/);
      await addJob();
      await worked(10_000);
    }
  });

  it("row 12: goes on when the database comes back", async () => {
    proxy.cut();
    for (let nth = 0; nth < 5; nth++) await addJob();
    const downAt = performance.now();
    await until("it was down for a while", async () => performance.now() - downAt > 3_000);
    proxy.mend();
    await worked(5_000);
  });

  it.each(["blackHole", "deafen"] as const)("row 14: leaves lines that are dead (%s)", async (kind) => {
    proxy[kind]();
    for (let nth = 0; nth < 5; nth++) await addJob();
    await worked(10_000);
  });
});
