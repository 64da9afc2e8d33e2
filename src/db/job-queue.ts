import { sql } from "kysely";
import type { Database } from "./database.ts";

export type JobState = "waiting" | "running" | "failing" | "dead";

/** `dead`: tried for the last time; the queue keeps it and never takes it again by itself. */
const STATE = sql<JobState>`case
  when locked_at is not null then 'running'
  when attempts >= max_attempts then 'dead'
  when last_error is not null then 'failing'
  else 'waiting' end`;

export async function countJobs(db: Database): Promise<Record<JobState, number>> {
  const { rows } = await sql<{ state: JobState; jobs: number }>`
    select ${STATE} as state, count(*)::int as jobs from graphile_worker.jobs group by 1`.execute(db);
  const found = Object.fromEntries(rows.map(({ state, jobs }) => [state, jobs]));
  return { waiting: 0, running: 0, failing: 0, dead: 0, ...found };
}

export interface JobRow {
  id: bigint;
  task: string;
  state: JobState;
  payload: unknown;
  attempts: number;
  max_attempts: number;
  last_error: string | null;
  created_at: Date;
  /** When it is tried next; of a dead one, when it would have been. */
  run_at: Date;
}

export interface JobFilter {
  states?: readonly JobState[] | undefined;
  task?: string | undefined;
}

/** The oldest first. */
export async function listJobs(
  db: Database,
  { states = ["failing", "dead"], task }: JobFilter,
  limit: number,
): Promise<JobRow[]> {
  const { rows } = await sql<JobRow>`
    select * from (
      select id, task_identifier as task, ${STATE} as state, attempts, max_attempts, last_error, created_at, run_at,
        (select payload from graphile_worker._private_jobs stored where stored.id = job.id) as payload
      from graphile_worker.jobs job
    ) listed
    where state = any(${states}::text[]) and (${task ?? null}::text is null or task = ${task ?? null})
    order by id limit ${limit}`.execute(db);
  return rows;
}

/**
 * Lets jobs be tried again from the first attempt on, and now. One that runs is left to run. Returns those that will
 * be tried.
 */
export async function retryJobs(db: Database, ids: readonly bigint[]): Promise<bigint[]> {
  const { rows } = await sql<{ id: bigint }>`
    select id from graphile_worker.reschedule_jobs(${ids}::bigint[], run_at => now(), attempts => 0)`.execute(
    db,
  );
  return rows.map((row) => row.id);
}
