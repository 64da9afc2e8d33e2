import { randomInt } from "node:crypto";
import type { Redis } from "ioredis";
import type { Database } from "../db/database.ts";
import { CONSUMER_GROUP, ORDER_STREAM } from "../domain/events.ts";
import {
  claimAbandoned,
  createGroup,
  type GroupReader,
  type RawEntry,
  readEntries,
  type StreamEntry,
} from "./consumer-group.ts";
import { claimSlot } from "./consumer-slot.ts";
import type { EventLogger } from "./logger.ts";
import { interruptiblePause, type Pause } from "./pause.ts";
import { BLOCK_MS, connectRedis } from "./redis.ts";

const CLAIM_EVERY_MS = 10_000;
/** An entry that somebody has had for longer than this was not finished by him. */
const CLAIM_IDLE_MS = 30_000;
const RETRY_MS = 500;
const MAX_RETRY_MS = 5_000;

export interface ConsumerOptions {
  redisUrl: string;
  /** For the consumer's name, see `claimSlot`. */
  db: Database;
  logger: EventLogger;
  /** Takes a batch, durably. Returns the ids to acknowledge; the others are tried again. */
  handle(entries: readonly StreamEntry[]): Promise<string[]>;
  claimIdleMs?: number;
  claimEveryMs?: number;
  retryMs?: number;
}

export interface ConsumerProgress {
  lastProgressAt: Date;
  processed: number;
  /** Entries that were trimmed off the stream before anybody had finished them: their effect is missing. */
  trimmed: number;
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
  readonly #state: ConsumerProgress = { lastProgressAt: new Date(), processed: 0, trimmed: 0 };
  readonly #pause: Pause = interruptiblePause();
  readonly #retryMs: number;
  #failures = 0;
  /** When entries that failed are tried again. */
  #retryAt = 0;
  #done: Promise<void> = Promise.resolve();
  /** The connection while it waits for new entries, and has nothing in hand. */
  #waiting: Redis | undefined;

  constructor(options: ConsumerOptions) {
    this.#options = options;
    this.#retryMs = options.retryMs ?? RETRY_MS;
  }

  start(): void {
    this.#done = this.#run();
  }

  progress(): ConsumerProgress {
    return { ...this.#state };
  }

  async stop(): Promise<void> {
    this.#pause.stop();
    this.#waiting?.disconnect();
    await this.#done;
  }

  /** Session after session, each on a connection of its own: one that failed once is not to be trusted. */
  async #run(): Promise<void> {
    while (!this.#pause.stopped) {
      try {
        await this.#session();
      } catch (error) {
        if (this.#pause.stopped) return;
        this.#failures += 1;
        const wait = Math.min(this.#retryMs * 2 ** (this.#failures - 1), MAX_RETRY_MS);
        this.#options.logger.warn({ err: error, failures: this.#failures }, "the consumer starts again");
        await this.#pause.for(wait / 2 + randomInt(Math.ceil(wait / 2)));
      }
    }
  }

  async #session(): Promise<void> {
    const slot = await claimSlot(this.#options.db);
    const reader = { stream: ORDER_STREAM, group: CONSUMER_GROUP, name: slot.name };
    let redis: Redis | undefined;
    try {
      redis = await connectRedis(this.#options.redisUrl, slot.name);
      await createGroup(redis, reader);
      await this.#consume(redis, reader);
    } finally {
      redis?.disconnect();
      await slot.release();
    }
  }

  async #consume(redis: Redis, reader: GroupReader): Promise<void> {
    this.#retryAt = 0;
    let claimAt = 0;
    while (!this.#pause.stopped) {
      if (Date.now() >= this.#retryAt) await this.#drainPending(redis, reader);
      if (Date.now() >= claimAt) {
        await this.#claim(redis, reader);
        claimAt = Date.now() + (this.#options.claimEveryMs ?? CLAIM_EVERY_MS);
      }
      const block = Math.min(BLOCK_MS, this.#retryAt - Date.now(), claimAt - Date.now());
      await this.#take(redis, await this.#readNew(redis, reader, Math.max(1, Math.ceil(block))));
    }
  }

  async #readNew(redis: Redis, reader: GroupReader, block: number): Promise<RawEntry[]> {
    this.#waiting = redis;
    try {
      return await readEntries(redis, reader, ">", block);
    } finally {
      this.#waiting = undefined;
    }
  }

  /** What was taken under this name and not finished: before a restart, after a lost answer, or because it failed. */
  async #drainPending(redis: Redis, reader: GroupReader): Promise<void> {
    this.#retryAt = Number.POSITIVE_INFINITY;
    let after = "0";
    while (!this.#pause.stopped) {
      const entries = await readEntries(redis, reader, after);
      const last = entries.at(-1);
      if (!last) return;
      await this.#take(redis, entries);
      after = last[0];
    }
  }

  /** What somebody else has begun and not finished in time. */
  async #claim(redis: Redis, reader: GroupReader): Promise<void> {
    let cursor = "0-0";
    do {
      const claimed = await claimAbandoned(redis, reader, cursor, this.#options.claimIdleMs ?? CLAIM_IDLE_MS);
      cursor = claimed.cursor;
      this.#missed(claimed.gone);
      await this.#take(redis, claimed.entries);
    } while (cursor !== "0-0" && !this.#pause.stopped);
  }

  /** Acknowledges what is done with. The rest stays pending, and is tried again after a breath. */
  async #take(redis: Redis, raw: readonly RawEntry[]): Promise<void> {
    const gone = raw.filter(([, fields]) => fields === null).map(([id]) => id);
    const entries = raw.flatMap(([id, fields]) =>
      fields === null ? [] : [{ id, fields: fieldsOf(fields) }],
    );
    const done = entries.length > 0 ? await this.#options.handle(entries) : [];
    const finished = [...gone, ...done];
    if (finished.length > 0) await redis.xack(ORDER_STREAM, CONSUMER_GROUP, ...finished);
    if (finished.length < raw.length) this.#retryAt = Math.min(this.#retryAt, Date.now() + this.#retryMs);
    this.#missed(gone);
    this.#state.processed += done.length;
    this.#state.lastProgressAt = new Date();
    this.#failures = 0;
  }

  #missed(ids: readonly string[]): void {
    if (ids.length === 0) return;
    this.#state.trimmed += ids.length;
    this.#options.logger.error(
      { ids },
      "order events were trimmed off the stream before they were processed",
    );
  }
}

function fieldsOf(flat: readonly string[]): Record<string, string> {
  const fields: Record<string, string> = {};
  for (let at = 0; at + 1 < flat.length; at += 2) fields[flat[at] as string] = flat[at + 1] as string;
  return fields;
}
