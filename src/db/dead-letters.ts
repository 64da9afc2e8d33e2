import { type Selectable, sql } from "kysely";
import type { Database } from "./database.ts";
import type { DeadLetters } from "./schema.ts";
import { column } from "./stock.ts";
import type { Transaction } from "./transaction.ts";

export type DeadLetterRow = Selectable<DeadLetters>;

export interface NewDeadLetter {
  stream: string;
  entry_id: string;
  event_id: string;
  event_type: string;
  payload: Record<string, string>;
  reason: string;
  attempts: number;
}

/** Keeps what can't be processed, once an entry. */
export async function insertDeadLetters(trx: Transaction, letters: readonly NewDeadLetter[]): Promise<void> {
  if (letters.length === 0) return;
  await sql`
    insert into dead_letters (stream, entry_id, event_id, event_type, payload, reason, attempts)
    select * from unnest(${column(letters, "stream")}::text[], ${column(letters, "entry_id")}::text[],
      ${column(letters, "event_id")}::text[], ${column(letters, "event_type")}::text[],
      ${letters.map((letter) => JSON.stringify(letter.payload))}::jsonb[], ${column(letters, "reason")}::text[],
      ${column(letters, "attempts")}::int[])
    on conflict (stream, entry_id) do nothing`.execute(trx);
}

/** One more failed attempt; says how many there were. */
export async function countAttempt(
  db: Database,
  consumer: string,
  entry_id: string,
  error: string,
): Promise<number> {
  const { rows } = await sql<{ attempts: number }>`
    insert into event_attempts as a (consumer, entry_id, attempts, last_error) values (${consumer}, ${entry_id}, 1, ${error})
    on conflict (consumer, entry_id) do update set attempts = a.attempts + 1, last_error = excluded.last_error,
      updated_at = now()
    returning attempts`.execute(db);
  return rows[0]?.attempts ?? 1;
}

export async function listDeadLetters(
  db: Database,
  filter: { statuses: readonly string[]; stream?: string | undefined },
  page: { size: number; after: bigint },
): Promise<DeadLetterRow[]> {
  let query = db
    .selectFrom("dead_letters")
    .selectAll()
    .where("id", ">", page.after)
    .orderBy("id")
    .limit(page.size);
  if (filter.statuses.length > 0) query = query.where("status", "in", filter.statuses);
  if (filter.stream) query = query.where("stream", "=", filter.stream);
  return query.execute();
}

export async function findDeadLetter(db: Database, id: bigint): Promise<DeadLetterRow | undefined> {
  return db.selectFrom("dead_letters").selectAll().where("id", "=", id).executeTakeFirst();
}
