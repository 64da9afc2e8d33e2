import { type Selectable, sql } from "kysely";
import type { DeadLetterStatus } from "../domain/dead-letter.ts";
import type { Database } from "./database.ts";
import type { DeadLetters } from "./schema.ts";
import { column } from "./stock.ts";
import type { Transaction } from "./transaction.ts";

export type DeadLetterRow = Omit<Selectable<DeadLetters>, "payload" | "status"> & {
  payload: Record<string, string>;
  status: DeadLetterStatus;
};

export interface NewDeadLetter {
  stream: string;
  entry_id: string;
  event_id: string;
  event_type: string;
  payload: Record<string, string>;
  reason: string;
  attempts: number;
}

/** Keeps what can't be processed, once an entry. One that was redriven and comes back is opened again instead. */
export async function insertDeadLetters(trx: Transaction, letters: readonly NewDeadLetter[]): Promise<void> {
  if (letters.length === 0) return;
  await sql`
    with incoming as (
      select * from unnest(${column(letters, "stream")}::text[], ${column(letters, "entry_id")}::text[],
        ${column(letters, "event_id")}::text[], ${column(letters, "event_type")}::text[],
        ${letters.map((letter) => JSON.stringify(letter.payload))}::jsonb[], ${column(letters, "reason")}::text[],
        ${column(letters, "attempts")}::int[])
        as letter (stream, entry_id, event_id, event_type, payload, reason, attempts)
    ), reopened as (
      update dead_letters d set status = 'open', resolved_at = null, entry_id = incoming.entry_id,
        reason = incoming.reason, attempts = d.attempts + incoming.attempts
      from incoming
      where d.status = 'redriven' and d.stream = incoming.stream and d.event_id = incoming.event_id
      returning d.stream, d.event_id
    )
    insert into dead_letters (stream, entry_id, event_id, event_type, payload, reason, attempts)
    select * from incoming
    where not exists (select from reopened r where r.stream = incoming.stream and r.event_id = incoming.event_id)
    on conflict (stream, entry_id) do nothing`.execute(trx);
}

/** One more failed attempt at an entry; says how many there were. */
export async function countAttempt(
  trx: Transaction,
  consumer: string,
  entry_id: string,
  error: string,
): Promise<number> {
  const { rows } = await sql<{ attempts: number }>`
    insert into event_attempts as a (consumer, entry_id, attempts, last_error) values (${consumer}, ${entry_id}, 1, ${error})
    on conflict (consumer, entry_id) do update set attempts = a.attempts + 1, last_error = excluded.last_error,
      updated_at = now()
    returning attempts`.execute(trx);
  return rows[0]?.attempts ?? 1;
}

export async function listDeadLetters(
  db: Database,
  filter: {
    statuses: readonly DeadLetterStatus[];
    stream?: string | undefined;
    event_type?: string | undefined;
  },
  page: { size: number; after: bigint },
): Promise<DeadLetterRow[]> {
  // Newest first, so the key of the next page is the smallest id seen; 0 starts.
  let query = db.selectFrom("dead_letters").selectAll().orderBy("id", "desc").limit(page.size);
  if (page.after > 0n) query = query.where("id", "<", page.after);
  if (filter.statuses.length > 0) query = query.where("status", "in", filter.statuses);
  if (filter.stream) query = query.where("stream", "=", filter.stream);
  if (filter.event_type) query = query.where("event_type", "=", filter.event_type);
  return (await query.execute()) as DeadLetterRow[];
}

export async function findDeadLetter(db: Database, id: bigint): Promise<DeadLetterRow | undefined> {
  const row = await db.selectFrom("dead_letters").selectAll().where("id", "=", id).executeTakeFirst();
  return row as DeadLetterRow | undefined;
}

/** Locks them, in order of their ids. */
export async function lockDeadLetters(trx: Transaction, ids: readonly bigint[]): Promise<DeadLetterRow[]> {
  const { rows } = await sql<DeadLetterRow>`
    select * from dead_letters where id = any(${[...new Set(ids)]}::bigint[]) order by id for update`.execute(
    trx,
  );
  return rows;
}

export async function setDeadLetterStatus(
  trx: Transaction,
  ids: readonly bigint[],
  status: Exclude<DeadLetterStatus, "open">,
): Promise<DeadLetterRow[]> {
  const { rows } = await sql<DeadLetterRow>`
    update dead_letters set status = ${status}, resolved_at = now()
    where id = any(${ids}::bigint[]) returning *`.execute(trx);
  return rows;
}

/**
 * Puts the letters' messages back on their streams, through the outbox: the relay adds them. They keep their event
 * ids, so that whatever was done for them after all is not done again.
 */
export async function returnToStreams(trx: Transaction, ids: readonly bigint[]): Promise<void> {
  if (ids.length === 0) return;
  await sql`
    with letters as (
      select *, id::text as aggregateid from dead_letters where id = any(${ids}::bigint[])
    ), counters as (
      insert into outbox_sequences as counter (aggregatetype, aggregateid, last_sequence)
      select 'dead_letter', aggregateid, 1 from letters order by aggregateid
      on conflict (aggregatetype, aggregateid) do update set last_sequence = counter.last_sequence + 1
      returning aggregateid, last_sequence
    )
    insert into outbox (stream, aggregatetype, aggregateid, sequence, type, payload)
    select stream, 'dead_letter', aggregateid, last_sequence, event_type,
      payload || jsonb_build_object('event_id', event_id)
    from letters join counters using (aggregateid) order by id`.execute(trx);
}
