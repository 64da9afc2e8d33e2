import type { Database } from "../db/database.ts";
import { EventAlerts } from "./event-alerts.ts";
import type { EventLogger } from "./logger.ts";
import type { Lost } from "./reconciler.ts";
import { OWN_STREAMS } from "./streams.ts";
import type { Trimmed } from "./trim-streams.ts";

const HOUR_MS = 60 * 60_000;
const MINUTE_MS = 60_000;

/** Tells the operators what the relay had to do that it should not have had to. */
export class RelayAlerts {
  readonly #logger: EventLogger;
  readonly #events: EventAlerts;
  /** As long as groups hold a stream up, every round says so. */
  readonly #holdUps: EventAlerts;

  constructor(db: Database, logger: EventLogger) {
    this.#logger = logger;
    this.#events = new EventAlerts(db, logger, HOUR_MS);
    this.#holdUps = new EventAlerts(db, logger, MINUTE_MS);
    this.#events.adopt("stream_entries_lost", [""]);
    this.#events.adopt("stream_full", OWN_STREAMS);
    this.#holdUps.adopt("stream_held_up", OWN_STREAMS);
  }

  /** Says how many there were. */
  async lost(lost: Lost): Promise<number> {
    const total = [...lost.values()].reduce((all, count) => all + count, 0);
    if (total === 0) return 0;
    this.#logger.warn({ lost: Object.fromEntries(lost) }, "Redis had lost events; they are published again");
    const streams = [...lost].map(([stream, count]) => `${stream} ${count}`).join(", ");
    await this.#events.raise({
      name: "stream_entries_lost",
      key: "",
      severity: "warning",
      summary: `Redis had lost ${total} published events, which are published again (${streams})`,
      value: total,
    });
    return total;
  }

  async trimmed(rounds: readonly Trimmed[], maxLength: number): Promise<void> {
    for (const round of rounds) {
      if (round.dropped > 0) await this.#full(round, maxLength);
      if (round.holders.length > 0) await this.#heldUp(round);
    }
    await this.#events.resolveQuiet();
    await this.#holdUps.resolveQuiet();
  }

  async #full({ stream, dropped, losers }: Trimmed, maxLength: number): Promise<void> {
    const groups = losers.join(", ");
    const loss = losers.length > 0 ? `which ${groups} had not finished` : "which every group had finished";
    const summary = `${stream} reached ${maxLength} entries: the oldest ${dropped} were trimmed, ${loss}; the outbox keeps them for a week`;
    this.#logger.warn({ stream, dropped, losers }, "a stream was full");
    await this.#events.raise({
      name: "stream_full",
      key: stream,
      severity: losers.length > 0 ? "critical" : "warning",
      summary,
      labels: { stream, groups },
      value: dropped,
      threshold: maxLength,
    });
  }

  async #heldUp({ stream, holders }: Trimmed): Promise<void> {
    const groups = holders.join(", ");
    await this.#holdUps.raise({
      name: "stream_held_up",
      key: stream,
      severity: "warning",
      summary: `${stream} can't be trimmed: entries older than a week are not finished by ${groups}`,
      labels: { stream, groups },
    });
  }
}
