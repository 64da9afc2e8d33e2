import type { Database } from "../db/database.ts";
import { countAttempt, insertDeadLetters, type NewDeadLetter } from "../db/dead-letters.ts";
import { inTransaction } from "../db/transaction.ts";
import { DomainError } from "../domain/errors.ts";
import { CONSUMER_GROUP, ORDER_STREAM } from "../domain/events.ts";
import type { OrderEvent } from "../domain/order-event.ts";
import { takeOrderEvents } from "../use-cases/orders/take-order-events.ts";
import type { StreamEntry } from "./consumer-group.ts";
import type { EventLogger } from "./logger.ts";
import { decodeOrderEntry } from "./order-entries.ts";

/** An entry that failed this often will fail for ever: somebody has to look at it. */
const MAX_ATTEMPTS = 8;

/** Hands batches of the order stream to the use case, and sorts out what can't be read or done. */
export function orderEntryHandler(
  db: Database,
  logger: EventLogger,
): (entries: readonly StreamEntry[]) => Promise<string[]> {
  return async (entries) => {
    const decoded = entries.map((entry) => ({ entry, ...decodeOrderEntry(entry.id, entry.fields) }));
    const poison = decoded.flatMap((one) =>
      one.kind === "poison" ? [deadLetter(one.entry, one, one.reason, 1)] : [],
    );
    for (const letter of poison)
      logger.error({ entry_id: letter.entry_id, reason: letter.reason }, "an order event can't be read");
    await bury(db, poison);
    const events = decoded.flatMap((one) =>
      one.kind === "event" ? [{ entry: one.entry, event: one.event }] : [],
    );
    const failed = await takeAll(db, logger, events);
    return entries.map((entry) => entry.id).filter((id) => !failed.has(id));
  };
}

interface Readable {
  entry: StreamEntry;
  event: OrderEvent;
}

/** The whole batch in one transaction; when that fails, one by one, so that one event spoils nobody else's. */
async function takeAll(db: Database, logger: EventLogger, events: readonly Readable[]): Promise<Set<string>> {
  if (events.length === 0) return new Set();
  try {
    await takeOrderEvents(
      db,
      events.map(({ event }) => event),
    );
    return new Set();
  } catch (error) {
    logger.warn(
      { err: error, events: events.length },
      "a batch of order events failed; taking them one by one",
    );
  }
  const failed = new Set<string>();
  for (const one of events) if (!(await takeOne(db, logger, one))) failed.add(one.entry.id);
  return failed;
}

async function takeOne(db: Database, logger: EventLogger, { entry, event }: Readable): Promise<boolean> {
  try {
    await takeOrderEvents(db, [event]);
    return true;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const attempts = await countAttempt(db, CONSUMER_GROUP, entry.id, reason);
    logger.warn({ err: error, entry_id: entry.id, attempts }, "an order event failed");
    // A refusal of ours stays one; anything else may pass by itself.
    if (attempts < MAX_ATTEMPTS && !(error instanceof DomainError)) return false;
    await bury(db, [
      deadLetter(entry, { type: entry.fields["type"] ?? "", eventId: event.eventId }, reason, attempts),
    ]);
    logger.error({ entry_id: entry.id, reason, attempts }, "an order event went to the dead letters");
    return true;
  }
}

function deadLetter(
  entry: StreamEntry,
  { type, eventId }: { type: string; eventId: string },
  reason: string,
  attempts: number,
): NewDeadLetter {
  const clean = (text: string) => text.replaceAll("\0", "\uFFFD"); // Postgres text holds no NUL
  const payload = Object.fromEntries(
    Object.entries(entry.fields).map(([key, value]) => [clean(key), clean(value)]),
  );
  return {
    stream: ORDER_STREAM,
    entry_id: entry.id,
    event_id: clean(eventId),
    event_type: clean(type),
    payload,
    reason: clean(reason),
    attempts,
  };
}

async function bury(db: Database, letters: readonly NewDeadLetter[]): Promise<void> {
  if (letters.length > 0) await inTransaction(db, (trx) => insertDeadLetters(trx, letters));
}
