import { setTimeout as delay } from "node:timers/promises";
import type { Database } from "../../db/database.ts";
import { findTailStart, readTail, type TailEvent, type Watched } from "../../db/outbox-tail.ts";
import { Gaps } from "./gaps.ts";
import { Mailbox } from "./mailbox.ts";

const POLL_MS = 200;
/** A watch outlives a database that is away for so long. */
const PATIENCE_MS = 10_000;
const LIMIT = 1_000;

/**
 * What is committed, as it becomes visible, for all who watch in this process: one reads for all. It asks the database, not
 * the streams, so that it works without Redis; and it asks only while somebody watches.
 */
export class OutboxTail {
  readonly #db: Database;
  readonly #mailboxes = new Set<Mailbox>();
  #started: Promise<Gaps> | undefined;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Everything that becomes visible after this is put into the mailbox. Whoever joins must leave. */
  async join(watched: Watched): Promise<Mailbox> {
    const mailbox = new Mailbox(watched);
    this.#mailboxes.add(mailbox);
    try {
      this.#started ??= this.#start();
      mailbox.settled = (await this.#started).settled;
      return mailbox;
    } catch (error) {
      this.#started = undefined;
      this.leave(mailbox);
      throw error;
    }
  }

  leave(mailbox: Mailbox): void {
    this.#mailboxes.delete(mailbox);
  }

  /** What was visible before is not told: whoever joins reads it himself. */
  async #start(): Promise<Gaps> {
    const gaps = new Gaps(await findTailStart(this.#db));
    while ((await this.#next(gaps)).length >= LIMIT);
    void this.#follow(gaps);
    return gaps;
  }

  async #follow(gaps: Gaps): Promise<void> {
    let lastRead = Date.now();
    while (this.#mailboxes.size > 0) {
      try {
        const events = await this.#next(gaps);
        lastRead = Date.now();
        for (const mailbox of this.#mailboxes) mailbox.put(events, gaps.settled);
        if (events.length >= LIMIT) continue;
      } catch (error) {
        if (Date.now() - lastRead > PATIENCE_MS) this.#giveUp(error);
      }
      await delay(POLL_MS);
    }
    this.#started = undefined;
  }

  async #next(gaps: Gaps): Promise<TailEvent[]> {
    const reading = await readTail(this.#db, { after: gaps.last, gaps: gaps.open, limit: LIMIT });
    gaps.note(reading);
    return reading.events;
  }

  #giveUp(error: unknown): void {
    for (const mailbox of this.#mailboxes) mailbox.fail(error);
    this.#mailboxes.clear();
  }
}
