import type { Database } from "../db/database.ts";
import { ORDER_STREAM } from "../domain/events.ts";
import { EventAlerts } from "./event-alerts.ts";
import type { EventLogger } from "./logger.ts";

const DAY_MS = 24 * 60 * 60_000;
const LOST = "order_entries_lost";

export interface ConsumerProgress {
  lastProgressAt: Date;
  processed: number;
  /** Entries that left the stream before anybody had finished them: their effect may be missing. */
  trimmed: number;
  /** Entries that nobody had in hand any more and that were taken again. */
  recovered: number;
}

/** What a consumer has done, and what it found that it should not have found. */
export class ConsumerReports {
  readonly #state: ConsumerProgress = { lastProgressAt: new Date(), processed: 0, trimmed: 0, recovered: 0 };
  readonly #logger: EventLogger;
  readonly #alerts: EventAlerts;
  #deletedAhead = "";

  constructor(db: Database, logger: EventLogger) {
    this.#logger = logger;
    this.#alerts = new EventAlerts(db, logger, DAY_MS);
    this.#alerts.adopt(LOST, [ORDER_STREAM]);
  }

  progress(): ConsumerProgress {
    return { ...this.#state };
  }

  progressed(processed: number): void {
    this.#state.processed += processed;
    this.#state.lastProgressAt = new Date();
  }

  recovered(count: number): void {
    this.#state.recovered += count;
    if (count > 0)
      this.#logger.warn({ count }, "order events that nobody had in hand any more were taken again");
  }

  /** Entries that were delivered, and gone before they were acknowledged. */
  async trimmed(count: number): Promise<void> {
    if (count === 0) return;
    this.#state.trimmed += count;
    this.#logger.error({ count }, "order events were trimmed off the stream before they were processed");
    await this.#alerts.raise({
      name: LOST,
      key: ORDER_STREAM,
      severity: "critical",
      summary: `${count} entries left ${ORDER_STREAM} before they were processed: their producer has to send them again`,
      labels: { stream: ORDER_STREAM },
      value: count,
    });
  }

  /** Entries that were never delivered. */
  async gap({ lost, deletedAhead }: { lost: number; deletedAhead: string }): Promise<void> {
    // One that was deleted by its id is not counted by Redis, and would be found again until it is passed.
    const unseen = deletedAhead !== "" && deletedAhead !== this.#deletedAhead;
    this.#deletedAhead = deletedAhead;
    await this.trimmed(lost > 0 ? lost : unseen ? 1 : 0);
  }

  async resolveQuiet(): Promise<void> {
    await this.#alerts.resolveQuiet();
  }
}
