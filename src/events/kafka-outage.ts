import { clearAlert, raiseAlert } from "../db/alerts.ts";
import type { Database } from "../db/database.ts";
import type { EventLogger } from "./logger.ts";

const NAME = "kafka_unreachable";
const ALERT_AFTER_MS = 60_000;

/** Whether Kafka takes what we send, and since when it does not. */
export class KafkaOutage {
  readonly #logger: EventLogger;
  readonly #alertAfterMs: number;
  #since: number | undefined;
  /** It may be open since before this process led. */
  #mayBeOpen = true;

  constructor(logger: EventLogger, alertAfterMs = ALERT_AFTER_MS) {
    this.#logger = logger;
    this.#alertAfterMs = alertAfterMs;
  }

  async failed(db: Database, error: Error): Promise<void> {
    if (this.#since === undefined)
      this.#logger.warn({ err: error }, "Kafka does not take tracking events; they wait on their stream");
    this.#since ??= Date.now();
    const elapsed = Date.now() - this.#since;
    if (elapsed < this.#alertAfterMs) return;
    this.#mayBeOpen = true;
    await raiseAlert(db, {
      name: NAME,
      key: "",
      severity: "critical",
      summary: `Kafka has not taken tracking events for ${Math.round(elapsed / 1000)} s (${reasonOf(error)}); they wait`,
      value: elapsed / 1000,
      threshold: this.#alertAfterMs / 1000,
    });
  }

  async answered(db: Database): Promise<void> {
    if (this.#since !== undefined) this.#logger.info({}, "Kafka takes tracking events again");
    this.#since = undefined;
    if (!this.#mayBeOpen) return;
    await clearAlert(db, NAME, "");
    this.#mayBeOpen = false;
  }
}

const MAX_DEPTH = 10;

/** The library says how often it tried; why that failed stands behind, beneath whatever it was wrapped in. */
function reasonOf(error: Error, depth = 0): string {
  const within = error instanceof AggregateError ? error.errors.at(-1) : error.cause;
  if (!(within instanceof Error) || depth === MAX_DEPTH) return error.message;
  const reason = reasonOf(within, depth + 1);
  return error instanceof AggregateError ? reason : `${error.message.replace(/\.$/, "")}: ${reason}`;
}
