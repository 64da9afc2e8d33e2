import type { Redis } from "ioredis";
import type { Database } from "../db/database.ts";
import { failpoint } from "../failpoint.ts";
import { auditPage, claimAudit, noteAudited } from "./audit.ts";
import { Chores } from "./chores.ts";
import {
  acknowledge,
  claimAbandoned,
  type GroupReader,
  isFull,
  type RawEntry,
  readEntries,
  type StreamEntry,
  toEntry,
} from "./consumer-group.ts";
import type { ConsumerReports } from "./consumer-reports.ts";
import { namesInUse } from "./consumer-slot.ts";
import { findGap, forgetNames } from "./group-upkeep.ts";
import type { Pause } from "./pause.ts";
import { BLOCK_MS } from "./redis.ts";

const CLAIM_EVERY_MS = 10_000;
/** An entry that somebody has had for longer than this was not finished by him. */
const CLAIM_IDLE_MS = 30_000;
const AUDIT_EVERY_MS = 15_000;
const RETRY_MS = 500;
const MAX_RETRY_MS = 5_000;

/** What is done with entries. */
export interface EntryHandler {
  /** Takes a batch, durably. Returns the ids to acknowledge; the others are tried again. */
  handle(entries: readonly StreamEntry[]): Promise<string[]>;
  /** Of entries that were delivered some time ago, the ids of those that were never taken. */
  findUndone(entries: readonly StreamEntry[]): Promise<string[]>;
}

export interface ConsumingOptions {
  handler: EntryHandler;
  /** Whose sessions hold the consumers' names. */
  db: Database;
  claimIdleMs?: number;
  claimEveryMs?: number;
  auditEveryMs?: number;
  retryMs?: number;
}

/** One session of a consumer, on a connection of its own, until it is told to stop or something fails. */
export class Consuming {
  readonly #redis: Redis;
  readonly #reader: GroupReader;
  readonly #options: ConsumingOptions;
  readonly #reports: ConsumerReports;
  readonly #pause: Pause;
  readonly #chores: Chores;
  #retryAt = 0;
  #retryMs: number;
  /** Waits for new entries, and has nothing in hand. */
  #waiting = false;
  #behind = true;
  #auditing = false;

  constructor(
    redis: Redis,
    reader: GroupReader,
    options: ConsumingOptions,
    reports: ConsumerReports,
    pause: Pause,
  ) {
    this.#redis = redis;
    this.#reader = reader;
    this.#options = options;
    this.#reports = reports;
    this.#pause = pause;
    this.#retryMs = options.retryMs ?? RETRY_MS;
    const auditEveryMs = options.auditEveryMs ?? AUDIT_EVERY_MS;
    this.#chores = new Chores([
      { everyMs: options.claimEveryMs ?? CLAIM_EVERY_MS, work: () => this.#claim() },
      { everyMs: options.claimEveryMs ?? CLAIM_EVERY_MS, work: () => this.#lookForGap() },
      { everyMs: auditEveryMs, work: () => this.#tidy(auditEveryMs) },
    ]);
  }

  async run(): Promise<void> {
    while (!this.#pause.stopped) {
      if (Date.now() >= this.#retryAt) await this.#drainPending();
      await this.#chores.runDue();
      if (this.#auditing) await this.#audit();
      if (this.#behind) await this.#lookForGap();
      const entries = await this.#readNew();
      this.#behind = isFull(entries);
      await this.#take(entries);
    }
  }

  /** Ends the wait for new entries; what is in hand is finished. */
  stopWaiting(): void {
    if (this.#waiting) this.#redis.disconnect();
  }

  async #readNew(): Promise<RawEntry[]> {
    const until = Math.min(this.#retryAt, this.#chores.nextAt, this.#auditing ? 0 : Number.POSITIVE_INFINITY);
    const blockMs = Math.max(1, Math.min(BLOCK_MS, Math.ceil(until - Date.now())));
    this.#waiting = true;
    try {
      return await readEntries(this.#redis, this.#reader, ">", blockMs);
    } finally {
      this.#waiting = false;
    }
  }

  /**
   * What was taken under this name and not finished: before a restart, after a lost answer, or because it failed. What
   * keeps failing is tried more and more seldom, and never for longer than new entries are taken meanwhile.
   */
  async #drainPending(): Promise<void> {
    const startedAt = Date.now();
    let failing = false;
    let after = "0";
    while (!this.#pause.stopped) {
      const entries = await readEntries(this.#redis, this.#reader, after);
      const last = entries.at(-1);
      if (!last) break;
      if (!(await this.#take(entries))) failing = true;
      after = last[0];
    }
    const first = this.#options.retryMs ?? RETRY_MS;
    this.#retryMs = failing ? Math.min(this.#retryMs * 2, MAX_RETRY_MS) : first;
    const restMs = Math.max(this.#retryMs, Date.now() - startedAt);
    this.#retryAt = failing ? Date.now() + restMs : Number.POSITIVE_INFINITY;
  }

  /** What somebody else has begun and not finished in time. */
  async #claim(): Promise<void> {
    const idleMs = this.#options.claimIdleMs ?? CLAIM_IDLE_MS;
    let cursor = "0-0";
    do {
      const claimed = await claimAbandoned(this.#redis, this.#reader, cursor, idleMs);
      cursor = claimed.cursor;
      await this.#reports.trimmed(claimed.gone.length);
      await this.#take(claimed.entries);
    } while (cursor !== "0-0" && !this.#pause.stopped);
  }

  async #lookForGap(): Promise<void> {
    await this.#reports.gap(await findGap(this.#redis, this.#reader));
  }

  async #tidy(auditEveryMs: number): Promise<void> {
    await forgetNames(this.#redis, this.#reader, await namesInUse(this.#options.db));
    this.#auditing ||= await claimAudit(this.#redis, this.#reader, Math.ceil(auditEveryMs * 0.9));
    await this.#reports.resolveQuiet();
  }

  /** A page between two reads, so that new entries don't wait. */
  async #audit(): Promise<void> {
    const { handler } = this.#options;
    const page = await auditPage(this.#redis, this.#reader, (entries) => handler.findUndone(entries));
    this.#auditing = page.more;
    const done = page.orphans.length > 0 ? await handler.handle(page.orphans) : [];
    this.#reports.recovered(done.length);
    if (done.length === page.orphans.length) await noteAudited(this.#redis, this.#reader, page.upTo);
    else this.#auditing = false; // they are not pending, so only the next audit finds them again
  }

  /** Acknowledges what is done with, and says whether that is all. The rest stays pending, and is tried again later. */
  async #take(raw: readonly RawEntry[]): Promise<boolean> {
    const gone = raw.filter(([, fields]) => fields === null).map(([id]) => id);
    const entries = raw.flatMap(toEntry);
    const done = entries.length > 0 ? await this.#options.handler.handle(entries) : [];
    if (entries.length > 0) failpoint("consumer.taken");
    await acknowledge(this.#redis, this.#reader, [...gone, ...done]);
    await this.#reports.trimmed(gone.length);
    this.#reports.progressed(done.length);
    const complete = done.length === entries.length;
    if (!complete) this.#retryAt = Math.min(this.#retryAt, Date.now() + this.#retryMs);
    return complete;
  }
}
