import { EventEmitter } from "node:events";
import { type RunnerOptions, type WorkerEvents, Logger as WorkerLogger } from "graphile-worker";
import type { Logger } from "../logger.ts";
import { Lifeline } from "./lifeline.ts";
import { createQueuePool } from "./queue-pool.ts";
import { postponeFailures } from "./retries.ts";
import { startRounds } from "./rounds.ts";
import { JobRunner } from "./runner.ts";
import { createTasks, type JobDeps } from "./tasks.ts";

export interface JobsOptions extends JobDeps {
  databaseUrl: string;
  /** Jobs done at once by this process. */
  concurrency?: number;
}

export interface JobProgress {
  succeeded: number;
  /** Attempts that failed; most are tried again. */
  failed: number;
  /** When a job last ended, well or not, or there was none to do. */
  lastProgressAt: Date;
}

export interface Jobs {
  progress(): JobProgress;
  /** Takes no new jobs and waits for those under way. */
  stop(): Promise<void>;
}

const CONCURRENCY = 4;
/** How long running jobs may take to finish when the process goes down. */
const GRACE_MS = 12_000;

/** Does the jobs that use cases enqueue, and what is due by the clock. Any number of processes may. */
export async function startJobs(options: JobsOptions): Promise<Jobs> {
  const { databaseUrl: connectionString, db, logger, concurrency = CONCURRENCY } = options;
  const max = concurrency + 2; // one listens, and one is the queue's own
  const pool = createQueuePool({ connectionString, max, onLost: (id) => runner.doubt(id) });
  const lifeline = new Lifeline({ connectionString, db, logger });
  await lifeline.start();
  const events: WorkerEvents = new EventEmitter();
  const progress = watch(events);
  postponeFailures(events, db, logger);
  const queue: RunnerOptions = {
    pgPool: pool,
    taskList: createTasks(options),
    crontab: "", // it would go by this process's clock: see rounds.ts
    concurrency,
    events,
    noHandleSignals: true,
    pollInterval: pollIntervalOf(options),
    logger: workerLogger(logger),
  };
  const runner: JobRunner = new JobRunner({ events, lifeline, logger, queue });
  await runner.start();
  const stopRounds = startRounds(db, logger);
  const stop = async () => {
    await stopRounds();
    await runner.stop(GRACE_MS);
    await lifeline.stop();
    await pool.end();
  };
  return { progress: () => ({ ...progress }), stop };
}

/** New jobs are announced; only those that are due later wait for the next look. */
function pollIntervalOf({ trackingPollSeconds }: JobDeps): number {
  return Math.min(2_000, Math.max(100, (trackingPollSeconds * 1000) / 2));
}

function watch(events: WorkerEvents): JobProgress {
  const progress: JobProgress = { succeeded: 0, failed: 0, lastProgressAt: new Date() };
  const moved = () => {
    progress.lastProgressAt = new Date();
  };
  events.on("worker:getJob:empty", moved);
  events.on("job:success", () => {
    progress.succeeded++;
    moved();
  });
  events.on("job:error", () => {
    progress.failed++;
    moved();
  });
  return progress;
}

/** The queue's own words, one level lower where they are only about its routine. */
function workerLogger(logger: Logger): WorkerLogger {
  const levels = { error: "warn", warning: "warn", info: "debug", debug: "trace" } as const;
  return new WorkerLogger((scope) => (level, message) => logger[levels[level]]({ ...scope }, message));
}
