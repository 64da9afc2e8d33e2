import { randomInt } from "node:crypto";
import type { Redis } from "ioredis";
import { CONSUMER_GROUP, ORDER_STREAM } from "../domain/events.ts";
import { createGroup } from "./consumer-group.ts";
import { type ConsumerProgress, ConsumerReports } from "./consumer-reports.ts";
import { claimSlot } from "./consumer-slot.ts";
import { Consuming, type ConsumingOptions } from "./consuming.ts";
import type { EventLogger } from "./logger.ts";
import { interruptiblePause, type Pause } from "./pause.ts";
import { connectRedis } from "./redis.ts";

const RESTART_MS = 500;
const MAX_RESTART_MS = 5_000;

export interface ConsumerOptions extends ConsumingOptions {
  redisUrl: string;
  logger: EventLogger;
}

export interface Consumer {
  progress(): ConsumerProgress;
  /** Finishes and acknowledges the batch in hand. */
  stop(): Promise<void>;
}

/** Reads the order stream in its group: what was left pending first, then what is new. Acknowledges after the commit. */
export function startConsumer(options: ConsumerOptions): Consumer {
  const loop = new ConsumerLoop(options);
  loop.start();
  return loop;
}

class ConsumerLoop implements Consumer {
  readonly #options: ConsumerOptions;
  readonly #reports: ConsumerReports;
  readonly #pause: Pause = interruptiblePause();
  #done: Promise<void> = Promise.resolve();
  #session: Consuming | undefined;

  constructor(options: ConsumerOptions) {
    this.#options = options;
    this.#reports = new ConsumerReports(options.db, options.logger);
  }

  start(): void {
    this.#done = this.#run();
  }

  progress(): ConsumerProgress {
    return this.#reports.progress();
  }

  async stop(): Promise<void> {
    this.#pause.stop();
    this.#session?.stopWaiting();
    await this.#done;
  }

  /** Session after session, each on a connection of its own: one that failed once is not to be trusted. */
  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#pause.stopped) {
      const before = this.#reports.progress().lastProgressAt;
      try {
        await this.#runSession();
      } catch (error) {
        if (this.#pause.stopped) return;
        failures = this.#reports.progress().lastProgressAt > before ? 1 : failures + 1;
        const wait = Math.min(RESTART_MS * 2 ** (failures - 1), MAX_RESTART_MS);
        this.#options.logger.warn({ err: error, failures }, "the consumer starts again");
        await this.#pause.for(wait / 2 + randomInt(Math.ceil(wait / 2)));
      }
    }
  }

  async #runSession(): Promise<void> {
    const slot = await claimSlot(this.#options.db);
    const reader = { stream: ORDER_STREAM, group: CONSUMER_GROUP, name: slot.name };
    let redis: Redis | undefined;
    try {
      redis = await connectRedis(this.#options.redisUrl, slot.name);
      await createGroup(redis, reader);
      this.#session = new Consuming(redis, reader, this.#options, this.#reports, this.#pause);
      await this.#session.run();
    } finally {
      this.#session = undefined;
      redis?.disconnect();
      await slot.release();
    }
  }
}
