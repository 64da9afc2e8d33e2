import { EventEmitter } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { type Runner, run, type WorkerEvents, Logger as WorkerLogger } from "graphile-worker";
import pg from "pg";
import type { Logger } from "../logger.ts";
import { Lifeline } from "./lifeline.ts";
import { CRONTAB, createTasks, type JobDeps } from "./tasks.ts";

export interface JobsOptions extends JobDeps {
  databaseUrl: string;
  /** Jobs done at once by this process. */
  concurrency?: number;
}

export interface JobProgress {
  succeeded: number;
  /** Attempts that failed; most are tried again. */
  failed: number;
  /** When a job last ended, well or not. */
  lastEndedAt: Date | undefined;
}

export interface Jobs {
  progress(): JobProgress;
  /** Takes no new jobs and waits for those under way. */
  stop(): Promise<void>;
}

const CONCURRENCY = 4;
/** How long running jobs may take to finish when the process goes down. */
const GRACE_MS = 15_000;

/** Does the jobs that use cases enqueue, and what is due by the clock. Any number of processes may. */
export async function startJobs(options: JobsOptions): Promise<Jobs> {
  const { databaseUrl: connectionString, db, logger, concurrency = CONCURRENCY } = options;
  const pool = createJobPool(connectionString, concurrency);
  const lifeline = new Lifeline({ connectionString, db, logger });
  await lifeline.start();
  const events: WorkerEvents = new EventEmitter();
  const progress = watch(events, lifeline);
  const runner = await run({
    pgPool: pool,
    taskList: createTasks(options),
    crontab: CRONTAB,
    concurrency,
    events,
    noHandleSignals: true,
    pollInterval: pollIntervalOf(options),
    logger: workerLogger(logger),
  });
  await runner.addJob("poll_tracking", {}, { jobKey: "poll_tracking" });
  return { progress: () => ({ ...progress }), stop: () => stopJobs(runner, lifeline, pool) };
}

/** The queue counts its ids as text, so it has a pool without our number types. */
function createJobPool(connectionString: string, concurrency: number): pg.Pool {
  const pool = new pg.Pool({
    connectionString,
    max: concurrency + 3,
    application_name: "warehouse jobs",
    connectionTimeoutMillis: 5_000,
    statement_timeout: 30_000,
    keepAlive: true,
    maxLifetimeSeconds: 1_800,
  });
  pool.on("error", () => {}); // an idle client died: the pool has dropped it already
  pool.on("connect", (client) => client.on("error", () => {}));
  return pool;
}

/** New jobs are announced; only those that are due later wait for the next look. */
function pollIntervalOf({ trackingPollSeconds }: JobDeps): number {
  return Math.min(2_000, Math.max(100, (trackingPollSeconds * 1000) / 2));
}

function watch(events: WorkerEvents, lifeline: Lifeline): JobProgress {
  const progress: JobProgress = { succeeded: 0, failed: 0, lastEndedAt: undefined };
  events.on("pool:create", ({ workerPool }) => lifeline.guard(workerPool.id)); // the name that its jobs are locked by
  events.on("job:success", () => {
    progress.succeeded++;
    progress.lastEndedAt = new Date();
  });
  events.on("job:error", () => {
    progress.failed++;
    progress.lastEndedAt = new Date();
  });
  return progress;
}

async function stopJobs(runner: Runner, lifeline: Lifeline, pool: pg.Pool): Promise<void> {
  const stopped = runner.stop().then(() => true);
  // A call that hangs must not keep the process: its job is given back, to be tried again elsewhere.
  if (!(await Promise.race([stopped, delay(GRACE_MS, false, { ref: false })]))) await runner.kill();
  await lifeline.stop();
  await pool.end();
}

/** The queue's own words, one level lower where they are only about its routine. */
function workerLogger(logger: Logger): WorkerLogger {
  const levels = { error: "warn", warning: "warn", info: "debug", debug: "trace" } as const;
  return new WorkerLogger((scope) => (level, message) => logger[levels[level]]({ ...scope }, message));
}
