import type { Database } from "../../db/database.ts";
import {
  countOpenDeadLetters,
  type DeadLetterFilter,
  type DeadLetterRow,
  lockDeadLetters,
  lockOpenDeadLetters,
  returnToStreams,
  setDeadLetterStatus,
} from "../../db/dead-letters.ts";
import { type Call, once } from "../../db/idempotency.ts";
import type { Transaction } from "../../db/transaction.ts";
import { deadLetterMachine } from "../../domain/dead-letter.ts";
import { DomainError } from "../../domain/errors.ts";
import { transition } from "../../domain/state-machine.ts";

export interface Redrive {
  /** In the order asked for, as they now are. */
  dead_letters: DeadLetterRow[];
  /** How many of them this call has put back on their streams. */
  redriven: number;
}

/** Puts open dead letters back on their streams; those that are not open stay as they are, so that twice is once. */
export async function redriveDeadLetters(db: Database, call: Call, ids: readonly bigint[]): Promise<Redrive> {
  return once(db, call, async (trx) => {
    const letters = await lockAll(trx, ids);
    const open = letters.filter((letter) => letter.status === "open").map((letter) => letter.id);
    await returnToStreams(trx, open);
    const redriven = await setDeadLetterStatus(trx, open, "redriven");
    const latest = new Map([...letters, ...redriven].map((letter) => [letter.id, letter]));
    return {
      dead_letters: [...new Set(ids)].map((id) => latest.get(id) as DeadLetterRow),
      redriven: redriven.length,
    };
  });
}

/** The most that one call puts back. */
export const MAX_REDRIVEN = 1_000;

export interface RedriveByFilter extends Redrive {
  /** How many open ones the filter still finds. */
  remaining: bigint;
}

/** Puts back the oldest open dead letters that the filter finds. Their payloads are not told: a thousand may be too much. */
export async function redriveMatching(
  db: Database,
  call: Call,
  { filter, limit }: { filter: DeadLetterFilter; limit: number },
): Promise<RedriveByFilter> {
  return once(db, call, async (trx) => {
    const open = await lockOpenDeadLetters(trx, filter, limit);
    await returnToStreams(trx, open);
    const redriven = await setDeadLetterStatus(trx, open, "redriven");
    return {
      dead_letters: redriven.map((letter) => ({ ...letter, payload: {} })).sort(byId),
      redriven: redriven.length,
      remaining: await countOpenDeadLetters(trx, filter),
    };
  });
}

function byId(a: DeadLetterRow, b: DeadLetterRow): number {
  return a.id < b.id ? -1 : 1;
}

/** Puts a dead letter aside for good. */
export async function discardDeadLetter(db: Database, call: Call, id: bigint): Promise<DeadLetterRow> {
  return once(db, call, async (trx) => {
    const [letter] = (await lockAll(trx, [id])) as [DeadLetterRow];
    transition(deadLetterMachine, letter.status, "discard", id);
    const [discarded] = await setDeadLetterStatus(trx, [id], "discarded");
    return discarded as DeadLetterRow;
  });
}

async function lockAll(trx: Transaction, ids: readonly bigint[]): Promise<DeadLetterRow[]> {
  const letters = await lockDeadLetters(trx, ids);
  const found = new Set(letters.map((letter) => letter.id));
  const missing = ids.find((id) => !found.has(id));
  if (missing !== undefined) throw deadLetterNotFound(missing);
  return letters;
}

export function deadLetterNotFound(id: bigint): DomainError {
  return new DomainError("DEAD_LETTER_NOT_FOUND", `no dead letter ${id}`, { dead_letter_id: id });
}
