import { type Command, Option } from "commander";
import { type JobRow, type JobState, listJobs, retryJobs } from "../db/job-queue.ts";
import { idOf, SHOWN, sayingWhy, usage } from "./operator-command.ts";
import { withDatabase } from "./with-database.ts";

const STATES: readonly JobState[] = ["waiting", "running", "failing", "dead"];
const DEFAULT_STATES: readonly JobState[] = ["failing", "dead"];

interface Options {
  task?: string;
  state?: JobState;
  all?: true;
}

export function registerJobs(program: Command): void {
  const jobs = program.command("jobs").description("background jobs that failed, and what became of them");
  jobs
    .command("list")
    .description(
      "a line each, the oldest first: those that fail, and those that are dead (will not be tried again)",
    )
    .option("--task <task>", "those of this task")
    .addOption(new Option("--state <state>", "those in this state").choices(STATES))
    .action(list);
  jobs
    .command("retry [id...]")
    .description("try them now, and from the first attempt on")
    .option("--all", "every dead one")
    .option("--task <task>", "every dead one of this task")
    .action(retry);
}

function list({ task, state }: Options): Promise<void> {
  return withDatabase(async (db) => {
    const states = state ? [state] : DEFAULT_STATES;
    for (const job of await listJobs(db, { states, task }, SHOWN)) console.log(lineOf(job));
  });
}

function lineOf({ id, task, state, payload, attempts, max_attempts, last_error, run_at }: JobRow): string {
  const next = state === "dead" ? "never again" : run_at.toISOString();
  const [error = ""] = (last_error ?? "").split("\n", 1);
  return [id, task, state, `${attempts} of ${max_attempts}`, next, JSON.stringify(payload), error].join("\t");
}

function retry(texts: string[], { all, task }: Options): Promise<void> {
  return sayingWhy(async () => {
    const named = texts.map((text) => idOf("job", text));
    const filter = all || task !== undefined;
    if (named.length > 0 === filter) throw usage("name ids, or give --all or --task, not both");
    await withDatabase(async (db) => {
      const dead = () => listJobs(db, { states: ["dead"], task }, SHOWN);
      const ids = filter ? (await dead()).map((job) => job.id) : named;
      const retried = await retryJobs(db, ids);
      console.log(`${retried.length} of ${ids.length} will be tried now`);
      if (retried.length < ids.length) process.exitCode = 1; // one that runs, or is gone
    });
  });
}
