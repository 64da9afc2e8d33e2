export type AlertSeverity = "warning" | "critical";

/** A condition of the data that somebody has to look at, as a question to the data. */
export interface AlertRule {
  /** Stable: callers know it by this name. */
  name: string;
  severity: AlertSeverity;
  /** What is compared with the threshold: how many there are, or for how many seconds it has been so. */
  value: "count" | "age";
  /** It fires above this. */
  threshold: number;
  /**
   * A row an alert: `labels` (jsonb, text to text: what it is about), `since`, `summary` (the beginning of a sentence,
   * which the time since then completes) and, of a count, `value`. `$threshold` stands for the threshold, `$before` for
   * the moment that an age above it lies before.
   */
  question: string;
}

export const MINUTE = 60;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
