import type { Database } from "../db/database.ts";
import { countAttempt, insertDeadLetters, type NewDeadLetter } from "../db/dead-letters.ts";
import { sqlState } from "../db/out-of-reach.ts";
import { inTransaction } from "../db/transaction.ts";
import { DomainError } from "../domain/errors.ts";
import { CONSUMER_GROUP, ORDER_STREAM } from "../domain/events.ts";
import type { StreamEntry } from "./consumer-group.ts";
import { MAX_FIELDS } from "./order-entries.ts";

/** An entry that failed this often will fail for ever: somebody has to look at it. */
const MAX_ATTEMPTS = 8;
/** Of a hostile entry, as much as shows what it was. No order that can be read is longer. */
const MAX_KEPT = 2_000_000;
/** Of all its fields together: more than any order needs, and what Postgres stores well within its time. */
const MAX_KEPT_IN_ALL = 5_000_000;
/** What the relay says of a letter's message. */
const RETURNED = /^dead_letter:(\d{1,18})$/;

/** A refusal that no repetition will change. */
function isFinal(error: unknown): boolean {
  return error instanceof DomainError && error.category !== "stale";
}

/**
 * Attempts are counted in Postgres: Redis counts restarts as deliveries too. A dead letter leaves no key in the inbox:
 * nothing was done for the event, so a corrected one under the same id, or this one again, is welcome.
 */
export function noteFailure(
  db: Database,
  entry: StreamEntry,
  eventId: string,
  error: unknown,
): Promise<{ attempts: number; buried: boolean }> {
  const reason = error instanceof Error ? error.message : String(error);
  const trace = error instanceof Error ? (error.stack ?? "") : "";
  return withOrWithoutContent((keptOf) =>
    inTransaction(db, async (trx) => {
      const attempts = await countAttempt(trx, CONSUMER_GROUP, entry.id, plain(reason));
      const buried = isFinal(error) || attempts >= MAX_ATTEMPTS;
      if (buried)
        await insertDeadLetters(trx, [keptOf(toDeadLetter(entry, eventId, { reason, trace, attempts }))]);
      return { attempts, buried };
    }),
  );
}

export function bury(db: Database, letter: NewDeadLetter): Promise<void> {
  return withOrWithoutContent((keptOf) =>
    inTransaction(db, (trx) => insertDeadLetters(trx, [keptOf(letter)])),
  );
}

/** A letter without its content says more than an entry that is met again and again for ever. */
async function withOrWithoutContent<T>(
  keep: (keptOf: (letter: NewDeadLetter) => NewDeadLetter) => Promise<T>,
): Promise<T> {
  try {
    return await keep((letter) => letter);
  } catch (problem) {
    if (!isOfContent(problem)) throw problem;
    const { message } = problem as Error;
    return keep(({ reason, ...letter }) => ({
      ...letter,
      payload: {},
      reason: `${reason}; its content could not be kept: ${plain(message)}`,
    }));
  }
}

/** Data that the database can't store, or that is beyond what it or a JavaScript string can hold. */
function isOfContent(error: unknown): boolean {
  return /^(22|54)/.test(sqlState(error)) || error instanceof RangeError;
}

export function toDeadLetter(
  entry: StreamEntry,
  eventId: string,
  { reason, trace, attempts }: Pick<NewDeadLetter, "reason" | "trace" | "attempts">,
): NewDeadLetter {
  const letter_id = RETURNED.exec(entry.fields["aggregate_id"] ?? "")?.[1];
  return {
    stream: ORDER_STREAM,
    entry_id: entry.id,
    event_id: eventId,
    event_type: plain(entry.fields["type"] ?? ""),
    payload: payloadOf(entry),
    reason: plain(reason),
    trace: plain(trace),
    attempts,
    letter_id: letter_id === undefined ? undefined : BigInt(letter_id),
  };
}

function payloadOf(entry: StreamEntry): Record<string, string> {
  let left = MAX_KEPT_IN_ALL;
  const kept = Object.entries(entry.fields)
    .slice(0, MAX_FIELDS)
    .map(([name, value]) => {
      const keptName = plain(name, left);
      left -= keptName.length;
      const keptValue = plain(value, left);
      left -= keptValue.length;
      return [keptName, keptValue] as const;
    });
  return Object.fromEntries(kept);
}

/** Postgres text holds no NUL, and its JSON no half of a character, which a cut may leave. */
function plain(text: string, most = MAX_KEPT): string {
  return text.slice(0, Math.min(most, MAX_KEPT)).replaceAll("\0", "\uFFFD").toWellFormed();
}
