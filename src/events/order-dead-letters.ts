import type { Database } from "../db/database.ts";
import { countAttempt, insertDeadLetters, type NewDeadLetter } from "../db/dead-letters.ts";
import { inTransaction } from "../db/transaction.ts";
import { DomainError } from "../domain/errors.ts";
import { CONSUMER_GROUP, ORDER_STREAM } from "../domain/events.ts";
import type { StreamEntry } from "./consumer-group.ts";
import { MAX_FIELDS } from "./order-entries.ts";

/** An entry that failed this often will fail for ever: somebody has to look at it. */
const MAX_ATTEMPTS = 8;
/** Of a hostile entry, as much as shows what it was. No order that can be read is longer. */
const MAX_KEPT = 2_000_000;

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
  return inTransaction(db, async (trx) => {
    const attempts = await countAttempt(trx, CONSUMER_GROUP, entry.id, plain(reason));
    const buried = isFinal(error) || attempts >= MAX_ATTEMPTS;
    if (buried) await insertDeadLetters(trx, [toDeadLetter(entry, eventId, { reason, trace, attempts })]);
    return { attempts, buried };
  });
}

export function toDeadLetter(
  entry: StreamEntry,
  eventId: string,
  { reason, trace, attempts }: Pick<NewDeadLetter, "reason" | "trace" | "attempts">,
): NewDeadLetter {
  const fields = Object.entries(entry.fields)
    .slice(0, MAX_FIELDS)
    .map(([name, value]) => [plain(name), plain(value)]);
  return {
    stream: ORDER_STREAM,
    entry_id: entry.id,
    event_id: eventId,
    event_type: plain(entry.fields["type"] ?? ""),
    payload: Object.fromEntries(fields) as Record<string, string>,
    reason: plain(reason),
    trace: plain(trace),
    attempts,
  };
}

/** Postgres text holds no NUL. */
function plain(text: string): string {
  return text.slice(0, MAX_KEPT).replaceAll("\0", "\uFFFD");
}
