import { clearAlert, type NewAlert, raiseAlert } from "../db/alerts.ts";
import type { Database } from "../db/database.ts";
import type { EventLogger } from "./logger.ts";

/**
 * Alerts that tell of something that happened, not of something that is so: each is resolved when it has not happened
 * again for a while. An alert that can't be raised is logged, and stops nothing.
 */
export class EventAlerts {
  readonly #db: Database;
  readonly #logger: EventLogger;
  readonly #quietMs: number;
  readonly #raised = new Map<string, { name: string; key: string; at: number }>();

  constructor(db: Database, logger: EventLogger, quietMs: number) {
    this.#db = db;
    this.#logger = logger;
    this.#quietMs = quietMs;
  }

  async raise(alert: NewAlert): Promise<void> {
    const { name, key } = alert;
    this.#raised.set(`${name} ${key}`, { name, key, at: Date.now() });
    await this.#try(alert, () => raiseAlert(this.#db, alert));
  }

  /** These may be open since before this process began: from now on they are watched. */
  adopt(name: string, keys: readonly string[]): void {
    for (const key of keys) this.#raised.set(`${name} ${key}`, { name, key, at: Date.now() });
  }

  async resolveQuiet(): Promise<void> {
    for (const [id, alert] of this.#raised) {
      if (Date.now() - alert.at < this.#quietMs) continue;
      this.#raised.delete(id);
      await this.#try(alert, () => clearAlert(this.#db, alert.name, alert.key));
    }
  }

  async #try(alert: { name: string; key: string }, write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (error) {
      this.#logger.error({ err: error, alert }, "an alert could not be written");
    }
  }
}
