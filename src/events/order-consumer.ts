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
/** Of a hostile entry, as much as shows what it was. No order that can be read is longer. */
const MAX_KEPT = 2_000_000;

interface Readable {
  entry: StreamEntry;
  event: OrderEvent;
}

/**
 * Hands batches of the order stream to the use case, and sorts out what can't be read or done. Returns the ids that are
 * done with: effect or dead letter committed. Throws when it can't be told, as when the database is away.
 */
export function orderEntryHandler(
  db: Database,
  logger: EventLogger,
): (entries: readonly StreamEntry[]) => Promise<string[]> {
  return async (entries) => {
    const decoded = entries.map((entry) => ({ entry, ...decodeOrderEntry(entry.id, entry.fields) }));
    const poison = decoded.flatMap((one) =>
      one.kind === "poison" ? [toDeadLetter(one.entry, one.eventId, one.reason, 1)] : [],
    );
    await inTransaction(db, (trx) => insertDeadLetters(trx, poison));
    for (const { entry_id, reason } of poison)
      logger.error({ entry_id, reason }, "an order event can't be read");
    const events = decoded.flatMap((one) =>
      one.kind === "event" ? [{ entry: one.entry, event: one.event }] : [],
    );
    const failed = await takeAll(db, logger, events);
    return entries.map((entry) => entry.id).filter((id) => !failed.has(id));
  };
}

/** The whole batch in one transaction; when that fails, one by one, so that one event spoils nobody else's. */
async function takeAll(db: Database, logger: EventLogger, events: readonly Readable[]): Promise<Set<string>> {
  if (events.length === 0) return new Set();
  try {
    const batch = events.map(({ event }) => event);
    await takeOrderEvents(db, batch);
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

/** False: it failed, and is to be tried again. */
async function takeOne(db: Database, logger: EventLogger, { entry, event }: Readable): Promise<boolean> {
  try {
    await takeOrderEvents(db, [event]);
    return true;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const { attempts, buried } = await noteFailure(db, entry, event.eventId, reason, isFinal(error));
    const fields = { err: error, entry_id: entry.id, attempts };
    if (buried) logger.error(fields, "an order event went to the dead letters");
    else logger.warn(fields, "an order event failed");
    return buried;
  }
}

/** A refusal that no repetition will change. */
function isFinal(error: unknown): boolean {
  return error instanceof DomainError && !["stale", "overload", "unavailable"].includes(error.category);
}

/**
 * Attempts are counted in Postgres: Redis counts restarts as deliveries too. A dead letter leaves no key in the inbox:
 * nothing was done for the event, so a corrected one under the same id, or this one again, is welcome.
 */
function noteFailure(db: Database, entry: StreamEntry, eventId: string, reason: string, final: boolean) {
  return inTransaction(db, async (trx) => {
    const attempts = await countAttempt(trx, CONSUMER_GROUP, entry.id, plain(reason));
    const buried = final || attempts >= MAX_ATTEMPTS;
    if (buried) await insertDeadLetters(trx, [toDeadLetter(entry, eventId, reason, attempts)]);
    return { attempts, buried };
  });
}

function toDeadLetter(entry: StreamEntry, eventId: string, reason: string, attempts: number): NewDeadLetter {
  const fields = Object.entries(entry.fields).map(([name, value]) => [plain(name), plain(value)]);
  return {
    stream: ORDER_STREAM,
    entry_id: entry.id,
    event_id: eventId,
    event_type: plain(entry.fields["type"] ?? ""),
    payload: Object.fromEntries(fields) as Record<string, string>,
    reason: plain(reason),
    attempts,
  };
}

/** Postgres text holds no NUL. */
function plain(text: string): string {
  return text.slice(0, MAX_KEPT).replaceAll("\0", "\uFFFD");
}
