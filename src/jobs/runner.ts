import { setTimeout as delay } from "node:timers/promises";
import { type Runner, type RunnerOptions, run, type WorkerEvents } from "graphile-worker";
import type { Logger } from "../logger.ts";
import type { Lifeline } from "./lifeline.ts";

const RESTART_MS = 500;

/** A set of workers, and the name that their jobs are locked by. */
interface Crew {
  runner: Runner;
  id: string;
}

interface JobRunnerOptions {
  events: WorkerEvents;
  lifeline: Lifeline;
  logger: Logger;
  queue: RunnerOptions;
}

/**
 * Keeps workers at work. When the answer to "give me a job" is lost, the queue may have given one that nobody does, under a
 * name that lives. So the whole crew is relieved by another under a new name: it finishes what it has, and then its name
 * is free, and with it whatever was lost.
 */
export class JobRunner {
  readonly #options: JobRunnerOptions;
  readonly #doubtful = new Set<string>();
  readonly #leaving = new Set<Promise<void>>();
  #crew: Crew | undefined;
  #newestId = "";
  #stopped = false;

  constructor(options: JobRunnerOptions) {
    this.#options = options;
    const { events, lifeline } = options;
    events.on("pool:create", ({ workerPool }) => {
      this.#newestId = workerPool.id;
      lifeline.guard(workerPool.id);
    });
    // What a crew fails at when it begins, it fails at for ever. The worker itself takes note of the error first.
    events.on("worker:getJob:error", ({ worker }) => setImmediate(() => this.doubt(worker.workerPool.id)));
  }

  /** A job may have been given to nobody under this name. */
  doubt(id: string): void {
    this.#doubtful.add(id);
    this.#relieve();
  }

  async start(): Promise<void> {
    this.#crew = await this.#hire();
    // Revives a chain that was lost.
    await this.#crew.runner.addJob("poll_tracking", {}, { jobKey: "poll_tracking" });
    this.#relieve();
  }

  /** Takes no new jobs and waits for those under way; a call that hangs is given back, to be tried again elsewhere. */
  async stop(graceMs: number): Promise<void> {
    this.#stopped = true;
    const crew = this.#crew;
    if (crew) this.#dismiss(crew);
    const done = Promise.all(this.#leaving).then(() => true);
    if (!(await Promise.race([done, delay(graceMs, false, { ref: false })]))) await crew?.runner.kill();
  }

  async #hire(): Promise<Crew> {
    const runner = await run(this.#options.queue);
    const crew = { runner, id: this.#newestId };
    const ended = () => {
      if (this.#crew !== crew) return;
      this.#doubtful.add(crew.id);
      this.#relieve();
    };
    runner.promise.then(ended, ended); // it ends by itself when it can't trust itself any more
    return crew;
  }

  #relieve(): void {
    const crew = this.#crew;
    if (this.#stopped || !crew || !this.#doubtful.delete(crew.id)) return;
    this.#options.logger.warn(
      { crew: crew.id },
      "a job may have been given to nobody: other workers take over",
    );
    this.#crew = undefined;
    this.#dismiss(crew);
    void this.#hireAgain();
  }

  #dismiss({ runner, id }: Crew): void {
    const gone = runner
      .stop()
      .catch(() => {}) // it has stopped by itself
      .then(() => this.#options.lifeline.release(id))
      .finally(() => this.#leaving.delete(gone));
    this.#leaving.add(gone);
  }

  async #hireAgain(): Promise<void> {
    while (!this.#stopped) {
      await delay(RESTART_MS, undefined, { ref: false });
      try {
        const crew = await this.#hire();
        if (this.#stopped) return this.#dismiss(crew);
        this.#crew = crew;
        return this.#relieve();
      } catch (error) {
        this.#options.logger.warn({ err: error }, "no workers could be had");
      }
    }
  }
}
