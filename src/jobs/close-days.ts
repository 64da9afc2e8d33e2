import type { Carrier, Carriers } from "../carriers/carrier.ts";
import { clockIn } from "../db/clock.ts";
import type { Database } from "../db/database.ts";
import type { Logger } from "../logger.ts";
import { aboutCall } from "../outside/call-context.ts";
import { clearDayOpen, raiseDayOpen } from "./job-alerts.ts";

interface DayDeps {
  db: Database;
  carriers: Carriers;
  logger: Logger;
}

/**
 * A round over the carriers whose time to close the day has come, by their own clocks. What is made after it is closed by
 * the next one. Labels that were never printed stand in the way; they may be printed this very moment, so that they are
 * refused at first, and printed in the round after that.
 */
export function createDayCloser(deps: DayDeps): () => Promise<void> {
  const refused = new Set<string>();
  return async () => {
    await Promise.all([...deps.carriers.values()].map((carrier) => closeIfTime(deps, carrier, refused)));
  };
}

async function closeIfTime(deps: DayDeps, carrier: Carrier, refused: Set<string>): Promise<void> {
  const { closesDayAt } = carrier.capabilities;
  if (!closesDayAt) return;
  const { date, time } = await clockIn(deps.db, closesDayAt.zone);
  if (time >= closesDayAt.time) await closeOne(deps, carrier, { day: date, refused });
}

/** A carrier that fails does not stop the others, and is tried again in the next round. */
async function closeOne(
  { db, logger }: DayDeps,
  carrier: Carrier,
  { day, refused }: { day: string; refused: Set<string> },
): Promise<void> {
  const { code: carrier_code } = carrier;
  const about = { related_id: `carrier:${carrier_code}`, attempt: 1 };
  try {
    const asked = { day, print: refused.has(carrier_code) };
    const closed = await aboutCall(about, async () => carrier.closeDay?.(asked));
    const { list_number, printed } = closed ?? {};
    if (list_number) logger.info({ carrier_code, day, list_number, printed }, "a carrier's day is closed");
    refused.delete(carrier_code);
    await clearDayOpen(db, carrier_code);
  } catch (error) {
    refused.add(carrier_code);
    logger.warn({ err: error, carrier_code, day }, "a carrier's day could not be closed");
    await raiseDayOpen(db, carrier_code, error);
  }
}
