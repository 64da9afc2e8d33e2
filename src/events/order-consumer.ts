import type { Database } from "../db/database.ts";
import { findBuried, insertDeadLetters } from "../db/dead-letters.ts";
import { findProcessed } from "../db/inbox.ts";
import { isOutOfReach } from "../db/out-of-reach.ts";
import { inTransaction, OutcomeUnknownError } from "../db/transaction.ts";
import { DomainError } from "../domain/errors.ts";
import { CONSUMER_GROUP, ORDER_STREAM } from "../domain/events.ts";
import type { OrderEvent } from "../domain/order-event.ts";
import { takeOrderEvents } from "../use-cases/orders/take-order-events.ts";
import type { StreamEntry } from "./consumer-group.ts";
import type { EntryHandler } from "./consuming.ts";
import type { EventLogger } from "./logger.ts";
import { noteFailure, toDeadLetter } from "./order-dead-letters.ts";
import { decodeOrderEntry, identifyOrderEntry } from "./order-entries.ts";

interface Readable {
  entry: StreamEntry;
  event: OrderEvent;
}

/**
 * Hands batches of the order stream to the use case, and sorts out what can't be read or done. An entry is done with when
 * its effect or its dead letter is committed. Throws when that can't be told, as when the database is away.
 */
export function orderEntryHandler(db: Database, logger: EventLogger): EntryHandler {
  return {
    handle: (entries) => handleEntries(db, logger, entries),
    findUndone: (entries) => findUndone(db, entries),
  };
}

async function handleEntries(
  db: Database,
  logger: EventLogger,
  entries: readonly StreamEntry[],
): Promise<string[]> {
  const decoded = entries.map((entry) => ({ entry, ...decodeOrderEntry(entry.id, entry.fields) }));
  const poison = decoded.flatMap((one) =>
    one.kind === "poison"
      ? [toDeadLetter(one.entry, one.eventId, { reason: one.reason, trace: "", attempts: 1 })]
      : [],
  );
  if (poison.length > 0) await inTransaction(db, (trx) => insertDeadLetters(trx, poison));
  for (const { entry_id, reason } of poison)
    logger.error({ entry_id, reason }, "an order event can't be read");
  const events = decoded.flatMap((one) =>
    one.kind === "event" ? [{ entry: one.entry, event: one.event }] : [],
  );
  const failed = await takeAll(db, logger, events);
  return entries.map((entry) => entry.id).filter((id) => !failed.has(id));
}

/** Of entries that were delivered, those that left neither an effect nor a dead letter. */
async function findUndone(db: Database, entries: readonly StreamEntry[]): Promise<string[]> {
  const ours = entries.flatMap(({ id, fields }) => {
    const eventId = identifyOrderEntry(id, fields);
    return eventId === undefined ? [] : [{ id, eventId }];
  });
  const eventIds = ours.map((one) => one.eventId);
  const processed = new Set(await findProcessed(db, CONSUMER_GROUP, eventIds));
  const rest = ours.filter((one) => !processed.has(one.eventId));
  const buried = await findBuried(db, ORDER_STREAM, rest);
  return rest.map((one) => one.id).filter((id) => !buried.has(id));
}

/**
 * The whole batch in one transaction; when that fails, each half by itself, down to the one that fails: so one event
 * spoils nobody else's, and costs the others little. Returns those that are to be tried again.
 */
async function takeAll(db: Database, logger: EventLogger, events: readonly Readable[]): Promise<Set<string>> {
  if (events.length === 0) return new Set();
  const error = await tryAll(db, events);
  if (error === undefined) return new Set();
  const [one] = events;
  if (events.length === 1 && one) return failOne(db, logger, one, error);
  const middle = Math.ceil(events.length / 2);
  const first = await takeAll(db, logger, events.slice(0, middle)); // in order: the second half may build on it
  const second = await takeAll(db, logger, events.slice(middle));
  return new Set([...first, ...second]);
}

/** What is wrong with the events; undefined: nothing. What is wrong with the database is thrown, and counts for no attempt. */
async function tryAll(db: Database, events: readonly Readable[]): Promise<{ cause: unknown } | undefined> {
  try {
    const batch = events.map(({ event }) => event);
    await takeOrderEvents(db, batch);
    return undefined;
  } catch (cause) {
    if (isOutOfReach(cause) || cause instanceof OutcomeUnknownError || isPassing(cause)) throw cause;
    return { cause };
  }
}

async function failOne(
  db: Database,
  logger: EventLogger,
  { entry, event }: Readable,
  { cause }: { cause: unknown },
): Promise<Set<string>> {
  const { attempts, buried } = await noteFailure(db, entry, event.eventId, cause);
  const fields = { err: cause, entry_id: entry.id, attempts };
  if (buried) logger.error(fields, "an order event went to the dead letters");
  else logger.warn(fields, "an order event failed");
  return new Set(buried ? [] : [entry.id]);
}

/** A refusal that says that there is too much to do, not that the event is wrong. */
function isPassing(error: unknown): boolean {
  return error instanceof DomainError && ["overload", "unavailable"].includes(error.category);
}
