import type { Database } from "../db/database.ts";
import { findBuried, insertDeadLetters, type NewDeadLetter } from "../db/dead-letters.ts";
import { findProcessed } from "../db/inbox.ts";
import { inTransaction } from "../db/transaction.ts";
import { CONSUMER_GROUP, ORDER_STREAM } from "../domain/events.ts";
import type { OrderEvent } from "../domain/order-event.ts";
import { takeOrderEvents } from "../use-cases/orders/take-order-events.ts";
import type { StreamEntry } from "./consumer-group.ts";
import type { EntryHandler } from "./consuming.ts";
import type { EventLogger } from "./logger.ts";
import { bury, noteFailure, toDeadLetter } from "./order-dead-letters.ts";
import { decodeOrderEntry, identifyOrderEntry } from "./order-entries.ts";
import { isAway, isHeldUp } from "./order-problems.ts";

/** A lock that was waited for in vain is not about to be free: the rest of the batch waits for it only so long. */
const BRIEF_LOCK_MS = 250;
/** For how long the events that need it are told from the others. */
const SORTING_MS = 4_000;
const WARN_EVERY_MS = 30_000;

interface Readable {
  entry: StreamEntry;
  event: OrderEvent;
}

/** What was handed over at once, and what becomes of it. */
interface Batch {
  db: Database;
  logger: EventLogger;
  /** The entries that are to be tried again. */
  again: Set<string>;
  /** Those of them that others hold up, and how. */
  held?: { cause: unknown; entries: string[] };
  /** Since a lock was waited for in vain, on the clock of `performance.now()`. */
  sortingSince?: number;
}

/**
 * Hands batches of the order stream to the use case, and sorts out what can't be read or done. An entry is done with when
 * its effect or its dead letter is committed. Throws when that can't be told, as when the database is away.
 */
export function orderEntryHandler(db: Database, logger: EventLogger): EntryHandler {
  const warnOfLocks = lockWarning(logger);
  return {
    async handle(entries) {
      const batch: Batch = { db, logger, again: new Set() };
      await handleEntries(batch, entries).finally(() => warnOfLocks(batch));
      return entries.map((entry) => entry.id).filter((id) => !batch.again.has(id));
    },
    findUndone: (entries) => findUndone(db, entries),
  };
}

/** Now and then: a lock that is held for minutes is met many times a minute. */
function lockWarning(logger: EventLogger): (batch: Batch) => void {
  let quietUntil = 0;
  return ({ held }) => {
    if (!held || performance.now() < quietUntil) return;
    quietUntil = performance.now() + WARN_EVERY_MS;
    const [first] = held.entries;
    const fields = { err: held.cause, entry_id: first, count: held.entries.length };
    logger.warn(fields, "order events need a lock that others hold, and are tried again until they get it");
  };
}

async function handleEntries(batch: Batch, entries: readonly StreamEntry[]): Promise<void> {
  const decoded = entries.map((entry) => ({ entry, ...decodeOrderEntry(entry.id, entry.fields) }));
  const poison = decoded.flatMap((one) =>
    one.kind === "poison"
      ? [toDeadLetter(one.entry, one.eventId, { reason: one.reason, trace: "", attempts: 1 })]
      : [],
  );
  await buryAll(batch, poison);
  const events = decoded.flatMap((one) =>
    one.kind === "event" ? [{ entry: one.entry, event: one.event }] : [],
  );
  await takeAll(batch, events);
}

/** All at once; when that fails, each by itself: what can't be kept of one is no reason to keep nothing of the others. */
async function buryAll(batch: Batch, letters: readonly NewDeadLetter[]): Promise<void> {
  if (letters.length === 0) return;
  try {
    await inTransaction(batch.db, (trx) => insertDeadLetters(trx, letters));
  } catch (problem) {
    if (await isAway(batch.db, problem)) throw problem;
    const ids = letters.map((letter) => letter.entry_id);
    if (isHeldUp(problem)) return leave(batch, ids, problem);
    for (const letter of letters) await orLeave(batch, letter.entry_id, () => bury(batch.db, letter));
  }
  for (const { entry_id, reason } of letters)
    if (!batch.again.has(entry_id)) batch.logger.error({ entry_id, reason }, "an order event can't be read");
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
 * All of them in one transaction; when that fails, each half by itself, down to the one that fails: so one event spoils
 * nobody else's, and costs the others little. Halves that are quick enough are taken, where the whole was too slow.
 *
 * A lock that others hold is waited for once in full. Then its events are told from the others in the same way, but with
 * brief waits and not for long: one of a hundred is found within two seconds, and when all of them need it, as when a
 * table is locked, the batch is given back instead of standing in line a hundred times.
 */
async function takeAll(batch: Batch, events: readonly Readable[]): Promise<void> {
  const [one] = events;
  if (!one) return;
  const problem = await tryAll(batch, events);
  if (!problem) return;
  if (isHeldUp(problem.cause)) {
    batch.sortingSince ??= performance.now();
    if (events.length === 1 || performance.now() - batch.sortingSince > SORTING_MS)
      return leave(batch, idsOf(events), problem.cause);
  } else if (events.length === 1) return failOne(batch, one, problem.cause);
  const middle = Math.ceil(events.length / 2);
  await takeAll(batch, events.slice(0, middle)); // in order: the second half may build on it
  await takeAll(batch, events.slice(middle));
}

/** What is in the way of the events; undefined: nothing. What is wrong with the database is thrown, and counts for no attempt. */
async function tryAll(
  { db, sortingSince }: Batch,
  events: readonly Readable[],
): Promise<{ cause: unknown } | undefined> {
  try {
    const batch = events.map(({ event }) => event);
    await takeOrderEvents(db, batch, sortingSince === undefined ? undefined : BRIEF_LOCK_MS);
    return undefined;
  } catch (cause) {
    if (await isAway(db, cause)) throw cause;
    return { cause };
  }
}

async function failOne(batch: Batch, { entry, event }: Readable, cause: unknown): Promise<void> {
  const { db, logger, again } = batch;
  await orLeave(batch, entry.id, async () => {
    const { attempts, buried } = await noteFailure(db, entry, event.eventId, cause);
    const fields = { err: cause, entry_id: entry.id, attempts };
    if (buried) return logger.error(fields, "an order event went to the dead letters");
    again.add(entry.id);
    return logger.warn(fields, "an order event failed");
  });
}

/** An entry whose failure can't be noted is tried again, and stops no other. */
async function orLeave(batch: Batch, entry_id: string, note: () => Promise<void>): Promise<void> {
  try {
    await note();
  } catch (problem) {
    if (await isAway(batch.db, problem)) throw problem;
    if (isHeldUp(problem)) return leave(batch, [entry_id], problem);
    batch.again.add(entry_id);
    batch.logger.error({ err: problem, entry_id }, "what is wrong with an order event could not be kept");
  }
}

function idsOf(events: readonly Readable[]): string[] {
  return events.map(({ entry }) => entry.id);
}

/** For a later try. That counts for no attempt: it is not the events' fault, and a buried cancellation ships a parcel. */
function leave(batch: Batch, entry_ids: readonly string[], cause: unknown): void {
  batch.held ??= { cause, entries: [] };
  batch.held.entries.push(...entry_ids);
  for (const id of entry_ids) batch.again.add(id);
}
