import { setTimeout as delay } from "node:timers/promises";
import type { Redis } from "ioredis";
import { CONSUMER_GROUP, ORDER_STREAM } from "../domain/events.ts";
import type { EventLogger } from "./logger.ts";
import { BLOCK_MS, blockingConnection } from "./redis.ts";

const BATCH = 100;
const CLAIM_EVERY_MS = 10_000;
/** An entry that somebody has had for longer than this was not finished by him. */
const CLAIM_IDLE_MS = 30_000;
const RETRY_MS = 500;

export interface StreamEntry {
  id: string;
  fields: Record<string, string>;
}

export interface ConsumerOptions {
  redisUrl: string;
  /** Stable over restarts: pending entries belong to it. */
  name: string;
  logger: EventLogger;
  /** Takes a batch, durably. Returns the ids to acknowledge; the others are tried again. */
  handle(entries: readonly StreamEntry[]): Promise<string[]>;
}

export interface ConsumerProgress {
  lastProgressAt: Date;
  processed: number;
  /** Entries that were trimmed off the stream before anybody had finished them. */
  trimmed: number;
}

export interface Consumer {
  progress(): ConsumerProgress;
  stop(): Promise<void>;
}

/** Reads the order stream in its group: what was left pending first, then what is new. Acknowledges after the commit. */
export function startConsumer(options: ConsumerOptions): Consumer {
  const loop = new ConsumerLoop(options);
  loop.start();
  return loop;
}

type RawEntry = [id: string, fields: string[] | null];

class ConsumerLoop implements Consumer {
  readonly #options: ConsumerOptions;
  readonly #state: ConsumerProgress = { lastProgressAt: new Date(), processed: 0, trimmed: 0 };
  readonly #stop = new AbortController();
  #redis: Redis | undefined;
  #done: Promise<void> = Promise.resolve();

  constructor(options: ConsumerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#done = this.#run();
  }

  progress(): ConsumerProgress {
    return { ...this.#state };
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    // A blocked read has nothing in hand; a batch in hand is finished and acknowledged first.
    if (this.#reading) this.#redis?.disconnect();
    await this.#done;
  }

  #reading = false;

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const redis = blockingConnection(this.#options.redisUrl);
      this.#redis = redis;
      try {
        await redis.connect();
        await this.#session(redis);
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        this.#options.logger.warn({ err: error }, "the consumer starts again");
        await delay(RETRY_MS + Math.random() * RETRY_MS, undefined, { signal: this.#stop.signal }).catch(
          () => {},
        );
      } finally {
        redis.disconnect(); // never used again: a client that failed once is not to be trusted
      }
    }
  }

  async #session(redis: Redis): Promise<void> {
    await createGroup(redis);
    await this.#drainPending(redis);
    let claimAt = 0;
    while (!this.#stop.signal.aborted) {
      if (Date.now() >= claimAt) {
        await this.#claimAbandoned(redis);
        claimAt = Date.now() + CLAIM_EVERY_MS;
      }
      const entries = await this.#read(redis, ">");
      this.#state.lastProgressAt = new Date();
      if (entries.length > 0 && !(await this.#take(redis, entries))) await this.#retryPending(redis);
    }
  }

  /** What this consumer had taken and not finished, before a restart or after a lost answer. */
  async #drainPending(redis: Redis): Promise<void> {
    let after = "0";
    for (;;) {
      const entries = await this.#read(redis, after);
      const last = entries.at(-1);
      if (!last || this.#stop.signal.aborted) return;
      await this.#take(redis, entries);
      after = last[0];
    }
  }

  /** Entries that failed are tried again after a breath, not in a hot circle. */
  async #retryPending(redis: Redis): Promise<void> {
    await delay(RETRY_MS, undefined, { signal: this.#stop.signal }).catch(() => {});
    if (!this.#stop.signal.aborted) await this.#drainPending(redis);
  }

  async #claimAbandoned(redis: Redis): Promise<void> {
    let cursor = "0-0";
    do {
      const [next, entries] = (await redis.xautoclaim(
        ORDER_STREAM,
        CONSUMER_GROUP,
        this.#options.name,
        CLAIM_IDLE_MS,
        cursor,
        "COUNT",
        BATCH,
      )) as [string, RawEntry[]];
      cursor = next;
      if (entries.length > 0) await this.#take(redis, entries);
    } while (cursor !== "0-0" && !this.#stop.signal.aborted);
  }

  async #read(redis: Redis, from: string): Promise<RawEntry[]> {
    this.#reading = from === ">";
    try {
      const answer = (await redis.xreadgroup(
        "GROUP",
        CONSUMER_GROUP,
        this.#options.name,
        "COUNT",
        BATCH,
        "BLOCK",
        BLOCK_MS,
        "STREAMS",
        ORDER_STREAM,
        from,
      )) as [stream: string, entries: RawEntry[]][] | null;
      return answer?.[0]?.[1] ?? [];
    } finally {
      this.#reading = false;
    }
  }

  /** True: every entry of the batch is done with. */
  async #take(redis: Redis, raw: readonly RawEntry[]): Promise<boolean> {
    const gone = raw.filter(([, fields]) => fields === null).map(([id]) => id);
    const entries = raw.flatMap(([id, fields]) =>
      fields === null ? [] : [{ id, fields: fieldsOf(fields) }],
    );
    const done = entries.length > 0 ? await this.#options.handle(entries) : [];
    const finished = [...gone, ...done];
    if (finished.length > 0) await redis.xack(ORDER_STREAM, CONSUMER_GROUP, ...finished);
    this.#state.trimmed += gone.length;
    this.#state.processed += done.length;
    this.#state.lastProgressAt = new Date();
    return finished.length === raw.length;
  }
}

function fieldsOf(flat: readonly string[]): Record<string, string> {
  const fields: Record<string, string> = {};
  for (let at = 0; at + 1 < flat.length; at += 2) fields[flat[at] as string] = flat[at + 1] as string;
  return fields;
}

async function createGroup(redis: Redis): Promise<void> {
  try {
    await redis.xgroup("CREATE", ORDER_STREAM, CONSUMER_GROUP, "0", "MKSTREAM");
  } catch (error) {
    if (!String(error).includes("BUSYGROUP")) throw error; // somebody was first: fine
  }
}
