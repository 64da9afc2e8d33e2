import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { insertDeadLetters } from "../../src/db/dead-letters.ts";
import { countJobs, listJobs } from "../../src/db/job-queue.ts";
import { addJob, MAX_ATTEMPTS } from "../../src/db/jobs.ts";
import { inTransaction } from "../../src/db/transaction.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { startProxy } from "../support/proxy.ts";

const PROGRAM = fileURLToPath(new URL("../../src/cli/bin.js", import.meta.url));

let base: TestDatabase;

beforeAll(async () => {
  base = await testDatabase();
});
afterAll(() => base.close());
beforeEach(() =>
  sql`truncate dead_letters, outbox, graphile_worker._private_jobs restart identity`.execute(base.db),
);

function warehouse(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return warehouseWith({}, ...args);
}

function warehouseWith(
  settings: Record<string, string>,
  ...args: string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const env = { PATH: process.env["PATH"], DATABASE_URL: base.url, ...settings };
    execFile(process.execPath, [PROGRAM, ...args], { env, timeout: 50_000 }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code ?? -1) : 0, stdout, stderr });
    });
  });
}

async function keep(...letters: [event_type: string, reason: string][]): Promise<void> {
  const whole = letters.map(([event_type, reason], index) => {
    const place = { stream: "listings:events:orders", entry_id: `${index}-1`, event_id: `event-${index}` };
    return { ...place, event_type, payload: { n: "1" }, reason, trace: "Error: x\n    at y", attempts: 8 };
  });
  await inTransaction(base.db, (trx) => insertDeadLetters(trx, whole));
}

async function statuses(): Promise<string[]> {
  const { rows } = await sql<{ status: string }>`select status from dead_letters order by id`.execute(
    base.db,
  );
  return rows.map((row) => row.status);
}

describe("warehouse dlq", () => {
  it("lists and shows dead letters, by filter, with the trace", async () => {
    await keep(["order.confirmed", "no luck"], ["order.cancelled", "no luck"], ["order.confirmed", "bad"]);
    const { stdout } = await warehouse("dlq", "list", "--type", "order.confirmed", "--reason", "LUCK");
    expect(stdout).toBe("1\tlistings:events:orders\t0-1\torder.confirmed\tno luck\n");
    expect((await warehouse("dlq", "list", "--status", "discarded")).stdout).toBe("");
    const shown = await warehouse("dlq", "show", "1");
    expect(shown.stdout).toMatch(/"reason": "no luck"[\s\S]*}\nError: x\n {4}at y\n$/);
    expect(await warehouse("dlq", "show", "77")).toMatchObject({ code: 1, stderr: "no dead letter 77\n" });
  });

  it("puts back those of a type, then all, then none; and discards", async () => {
    await keep(["a", "x"], ["b", "x"], ["b", "x"], ["c", "x"]);
    expect((await warehouse("dlq", "redrive", "--type", "b", "--limit", "1")).stdout).toBe(
      "1 put back, 1 left\n",
    );
    expect((await warehouse("dlq", "discard", "--type", "c")).stdout).toBe("1 discarded\n");
    expect((await warehouse("dlq", "redrive", "--all")).stdout).toBe("2 put back, 0 left\n");
    expect((await warehouse("dlq", "redrive", "--all")).stdout).toBe("0 put back, 0 left\n");
    expect((await warehouse("dlq", "redrive", "1", "2")).stdout).toBe("0 of 2 put back\n");
    expect(await statuses()).toEqual(["redriven", "redriven", "redriven", "discarded"]);
  });

  it.each([
    [["redrive"], "name ids, or give --all, --stream, --type or --reason\n"],
    [["redrive", "1", "--all"], "name ids or give a filter, not both\n"],
    [["discard"], "name ids, or give --all, --stream, --type or --reason\n"],
    [["redrive", "--all", "--limit", "1001"], "--limit must be 1 to 1000, not 1001\n"],
    [["redrive", "one"], "no dead letter one\n"],
  ])("refuses %j and changes nothing", async (args, stderr) => {
    await keep(["a", "x"]);
    expect(await warehouse("dlq", ...args)).toEqual({ code: 1, stdout: "", stderr });
    expect(await statuses()).toEqual(["open"]);
  });
});

describe("warehouse jobs", () => {
  it("lists what fails and what is dead, and lets the dead be tried again", async () => {
    await inTransaction(base.db, async (trx) => {
      for (const shipment_id of ["1", "2", "3"]) await addJob(trx, "buy_label", { shipment_id });
      await addJob(trx, "report_order_status", { order_id: "9" });
    });
    const [one, two, three, four] = (await listJobs(base.db, { states: ["waiting"] }, 10)).map((job) =>
      String(job.id),
    );
    await sql`update graphile_worker._private_jobs set attempts = case id::text when ${two} then 3 else max_attempts end,
      last_error = E'no carrier\n at x' where id::text <> ${three}`.execute(base.db);
    expect(await countJobs(base.db)).toEqual({ waiting: 1, running: 0, failing: 1, dead: 2 });
    const { stdout } = await warehouse("jobs", "list");
    expect(stdout.split("\n").map((line) => line.split("\t"))).toEqual([
      [
        one,
        "buy_label",
        "dead",
        `${MAX_ATTEMPTS} of ${MAX_ATTEMPTS}`,
        "never again",
        '{"shipment_id":"1"}',
        "no carrier",
      ],
      [
        two,
        "buy_label",
        "failing",
        `3 of ${MAX_ATTEMPTS}`,
        expect.stringMatching(/Z$/),
        '{"shipment_id":"2"}',
        "no carrier",
      ],
      [
        four,
        "report_order_status",
        "dead",
        `${MAX_ATTEMPTS} of ${MAX_ATTEMPTS}`,
        "never again",
        '{"order_id":"9"}',
        "no carrier",
      ],
      [""],
    ]);
    expect((await warehouse("jobs", "list", "--state", "waiting")).stdout).toMatch(
      new RegExp(`^${three}\\tbuy_label\\twaiting\\t`),
    );
    expect((await warehouse("alerts")).stdout).toMatch(/^critical\tjob_dead\t.*1 buy_label jobs/m);

    expect(await warehouse("jobs", "retry", "--task", "buy_label")).toMatchObject({
      code: 0,
      stdout: "1 of 1 will be tried now\n",
    });
    expect(await warehouse("jobs", "retry", four!, "99999")).toMatchObject({
      code: 1,
      stdout: "1 of 2 will be tried now\n",
    });
    expect((await warehouse("jobs", "retry", "--all")).stdout).toBe("0 of 0 will be tried now\n");
    expect(await countJobs(base.db)).toMatchObject({ dead: 0 });
    expect(await warehouse("jobs", "retry")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("--all"),
    });
  });
});

describe("warehouse alerts", () => {
  it("prints nothing and exits with 0 while all is well, else a line each and 1", async () => {
    expect(await warehouse("alerts")).toEqual({ code: 0, stdout: "", stderr: "" });
    await keep(["a", "x"]);
    const { code, stdout } = await warehouse("alerts");
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /^critical\tdead_letters_open\t\S+Z\t1 dead letters of listings:events:orders \(a\)/,
    );
  });

  it("looks at the streams too, when it knows where they are", async () => {
    const silent = await startProxy(base.url); // takes the connection, and nobody speaks Redis there
    const { code, stdout } = await warehouseWith(
      { REDIS_URL: `redis://${new URL(silent.url).host}` },
      "alerts",
    );
    await silent.close();
    expect(code).toBe(1);
    expect(stdout).toMatch(/^critical\tstreams_unreachable\t/m);
  });
});
