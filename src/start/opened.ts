import { setTimeout as delay } from "node:timers/promises";
import type { Turnstile } from "../db/turnstile.ts";
import type { Logger } from "../logger.ts";

/**
 * The order in which a service goes down, and how long each step may take. With the time in which callers are sent
 * elsewhere (DRAIN_SECONDS, five by default) it is gone before a platform's usual thirty seconds are over.
 */
const STAGES = {
  /** No new work is taken, and what is under way is finished. Whoever needs longer is cut off. */
  work: 15_000,
  /** What the others have committed is published. */
  relay: 3_000,
  /** Nobody uses them any more, unless he hangs. */
  connections: 1_000,
  /** Private servers, and the file that names them. Who has named his own does not wait for it. */
  servers: 20_000,
} as const;

type Stage = keyof typeof STAGES;

/** Longer than everything that an orderly end waits for, once callers have been sent elsewhere. */
export const MAX_STOP_MS = 500 + Object.values(STAGES).reduce((sum, graceMs) => sum + graceMs, 0);

/** Everything that a start has opened. */
export class Opened {
  /** The database connections, by who uses them. */
  readonly pools = new Map<string, Turnstile>();
  readonly #closers: { stage: Stage; close: (graceMs: number) => Promise<unknown> }[] = [];

  /** `close` is told how many milliseconds it may take; who takes longer is not waited for. */
  add(stage: Stage, close: (graceMs: number) => Promise<unknown>): void {
    this.#closers.push({ stage, close });
  }

  /** Stage after stage, a stage's things side by side. One that fails does not keep the others open. */
  async closeAll(logger: Logger): Promise<void> {
    for (const [stage, graceMs] of Object.entries(STAGES)) {
      const closers = this.#closers.filter((closer) => closer.stage === stage);
      const closed = closers.map(({ close }) =>
        close(graceMs).catch((error: unknown) => logger.warn({ err: error }, "something did not close well")),
      );
      const late = delay(graceMs, "late", { ref: false });
      if ((await Promise.race([Promise.all(closed), late])) === "late")
        logger.warn({ stage }, "something did not close in time");
    }
    this.#closers.length = 0;
  }
}
