import { setTimeout as delay } from "node:timers/promises";
import type { Job, WorkerEvents } from "graphile-worker";
import { sql } from "kysely";
import type { Database } from "../db/database.ts";
import { MAX_ATTEMPTS } from "../db/jobs.ts";
import type { Logger } from "../logger.ts";

/** How a job that failed is tried again; in seconds. */
export interface RetryPolicy {
  first: number;
  /** Each pause is twice the last one, up to this. Whoever is back after a day is found within this time. */
  longest: number;
}

/** Of tasks that are asked for. The others come round by the clock. */
const POLICIES: Readonly<Record<string, RetryPolicy>> = {
  buy_label: { first: 2, longest: 300 },
  void_label: { first: 10, longest: 1_800 },
  report_order_status: { first: 2, longest: 900 },
  report_parcels: { first: 2, longest: 900 },
  allocate_backorders: { first: 1, longest: 60 },
};

/** However long somebody asks us to wait. */
const LONGEST_WISH = 6 * 3600;

/**
 * Seconds until the next attempt. Somebody who knows when it may succeed is believed; all pauses differ a little, so that
 * those who failed together do not come back together.
 */
export function pauseAfter({ first, longest }: RetryPolicy, attempts: number, error: unknown): number {
  const { retryAfterSeconds } = (error ?? {}) as { retryAfterSeconds?: unknown };
  const wished = typeof retryAfterSeconds === "number" ? Math.min(LONGEST_WISH, retryAfterSeconds) : 0;
  if (isBusy(error)) return wished + Math.random();
  const grown = Math.min(longest, first * 2 ** Math.min(attempts - 1, 30));
  return wished > grown ? wished + Math.random() : grown * (0.75 + Math.random() / 2);
}

/** The job has not failed: something was not free yet. */
function isBusy(error: unknown): boolean {
  return (error as { busy?: unknown } | null)?.busy === true;
}

/** The queue writes a failure down after it has told of it. */
const LOOKS = 25;
const LOOK_MS = 20;

/** Puts our pauses in the place of the queue's own, which grow to six hours. Should that fail, the queue's own hold. */
export function postponeFailures(events: WorkerEvents, db: Database, logger: Logger): void {
  events.on("job:complete", ({ job, error }) => {
    if (!error) return;
    postpone(db, job, error).catch((reason: unknown) =>
      logger.warn({ err: reason, job_id: job.id }, "a failed job keeps the queue's own pause"),
    );
  });
}

async function postpone(db: Database, job: Job, error: unknown): Promise<void> {
  const policy = POLICIES[job.task_identifier];
  for (let look = 1; look <= LOOKS; look++) {
    const state = await findState(db, job);
    if (state === "failed" && policy) return reschedule(db, job, policy, error);
    if (state === "replaced") return forget(db, job);
    if (state !== "running") return;
    await delay(LOOK_MS * look, undefined, { ref: false });
  }
}

/**
 * A job that was asked for again while it ran is replaced: it has lost its key to the new one, which does what is left
 * to do. Undefined: somebody is at it again, or it is gone.
 */
async function findState(
  db: Database,
  { id, key, attempts }: Job,
): Promise<"running" | "failed" | "replaced" | undefined> {
  const { rows } = await sql<{ key: string | null; attempts: number; is_locked: boolean }>`
    select key, attempts, locked_at is not null as is_locked from graphile_worker.jobs where id = ${id}::bigint`.execute(
    db,
  );
  const [row] = rows;
  if (!row) return undefined;
  const replaced = key !== null && row.key === null;
  if (row.is_locked) return replaced || row.attempts === attempts ? "running" : undefined;
  return replaced ? "replaced" : "failed";
}

async function reschedule(db: Database, job: Job, policy: RetryPolicy, error: unknown): Promise<void> {
  const seconds = pauseAfter(policy, job.attempts, error);
  await sql`
    select graphile_worker.reschedule_jobs(array[id], run_at => now() + ${seconds} * interval '1 second',
      attempts => (attempts - ${isBusy(error) ? 1 : 0})::int, max_attempts => ${MAX_ATTEMPTS}::int)
    from graphile_worker.jobs where id = ${job.id}::bigint and attempts < max_attempts`.execute(db);
}

/** It would lie about as one that nobody tries any more. */
async function forget(db: Database, { id }: Job): Promise<void> {
  await sql`select graphile_worker.complete_jobs(array[${id}::bigint])`.execute(db);
}
