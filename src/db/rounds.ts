import { sql } from "kysely";
import type { Database } from "./database.ts";

/**
 * Asks for what is due, by the database's clock: a process whose own is wrong, or that was frozen, neither hurries nor
 * delays anybody. Any number of processes may ask; each round is begun once. What still waits from the last round goes
 * on; beside what has failed for good, a new job begins. Returns the tasks that were due.
 */
export async function askForRounds(
  db: Database,
  rounds: Readonly<Record<string, number>>,
): Promise<string[]> {
  const { rows } = await sql<{ task: string }>`
    with due as (
      insert into rounds as known (task, every_seconds, asked_at)
      select task, every_seconds, now()
      from unnest(${Object.keys(rounds)}::text[], ${Object.values(rounds)}::int[]) as round (task, every_seconds)
      order by task
      on conflict (task) do update set every_seconds = excluded.every_seconds, asked_at = now()
        where known.asked_at <= now() - make_interval(secs => excluded.every_seconds)
      returning task
    )
    select task, graphile_worker.add_job(task, '{}', job_key => task, job_key_mode => 'preserve_run_at') from due`.execute(
    db,
  );
  return rows.map(({ task }) => task);
}
