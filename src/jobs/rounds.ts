import type { Database } from "../db/database.ts";
import { askForRounds } from "../db/rounds.ts";
import type { Logger } from "../logger.ts";

/** What is done every so often, by whoever has time; in seconds. `poll_tracking` asks for itself; this revives it. */
const ROUNDS = {
  expire_reservations: 60,
  serve_overlooked: 60,
  poll_tracking: 60,
  poll_channels: 60,
  close_days: 300,
  move_labels: 60,
  work_in_webhooks: 60,
  prune: 3_600,
};
const LOOK_MS = 5_000;

/** Looks now and then what is due. Returns how to stop that. */
export function startRounds(db: Database, logger: Logger): () => Promise<void> {
  let looking: Promise<unknown> = Promise.resolve();
  const look = () => {
    looking = askForRounds(db, ROUNDS).catch((error: unknown) =>
      logger.warn({ err: error }, "it can't be told what is due"),
    );
  };
  look();
  const timer = setInterval(look, LOOK_MS);
  return async () => {
    clearInterval(timer);
    await looking;
  };
}
