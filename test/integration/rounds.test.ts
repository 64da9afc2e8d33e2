import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Database } from "../../src/db/database.ts";
import { askForRounds } from "../../src/db/rounds.ts";
import { withClockOff } from "../support/clock.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";

const HOUR_MS = 3_600_000;
const ROUNDS = { expire_reservations: 60, prune: 3_600 };

describe("what is done every so often", () => {
  let test: TestDatabase;
  let db: Database;
  beforeAll(async () => {
    test = await testDatabase();
    db = test.db;
  });
  afterAll(() => test.close());
  beforeEach(async () => {
    await sql`delete from rounds`.execute(db);
    await sql`select graphile_worker.remove_job(key) from graphile_worker.jobs where key is not null`.execute(
      db,
    );
  });

  const pass = (seconds: number) =>
    sql`update rounds set asked_at = asked_at - make_interval(secs => ${seconds})`.execute(db);
  const jobs = async () => {
    const { rows } = await sql<{ task: string; due: boolean; attempts: number }>`
      select task_identifier as task, run_at <= now() as due, attempts from graphile_worker.jobs order by 1`.execute(
      db,
    );
    return rows;
  };

  it("is begun once a round, by however many processes ask at once", async () => {
    const asked = await Promise.all(Array.from({ length: 20 }, () => askForRounds(db, ROUNDS)));
    expect(asked.flat().sort()).toEqual(["expire_reservations", "prune"]);
    expect(await askForRounds(db, ROUNDS)).toEqual([]);
    await pass(61);
    expect(await askForRounds(db, ROUNDS)).toEqual(["expire_reservations"]);
    expect((await jobs()).map(({ task }) => task)).toEqual(["expire_reservations", "prune"]);
  });

  it.each([HOUR_MS, -HOUR_MS])("row 36: is neither hurried nor put off by a clock %i ms off", async (off) => {
    await withClockOff(off, () => askForRounds(db, ROUNDS));
    expect((await jobs()).every(({ due }) => due)).toBe(true);
    expect(await withClockOff(off, () => askForRounds(db, ROUNDS))).toEqual([]);
    await pass(61);
    expect(await askForRounds(db, ROUNDS)).toEqual(["expire_reservations"]);
  });

  it("begins anew with what had failed for good", async () => {
    await askForRounds(db, { prune: 60 });
    await sql`update graphile_worker._private_jobs set attempts = max_attempts`.execute(db);
    await pass(61);
    await askForRounds(db, { prune: 60 });
    expect(await jobs()).toContainEqual({ task: "prune", due: true, attempts: 0 });
  });
});
