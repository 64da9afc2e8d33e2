import { type Selectable, sql } from "kysely";
import type { DeadLetterStatus } from "../domain/dead-letter.ts";
import { column } from "./column.ts";
import type { Database } from "./database.ts";
import type { DeadLetters } from "./schema.ts";
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
  /** The error's stack; empty when there was no error but a message that can't be read. */
  trace: string;
  attempts: number;
  /** The letter that the entry says it was before it was put back on the stream. */
  letter_id?: bigint | undefined;
}

/**
 * Keeps what can't be processed, once an entry. A letter's message that comes back opens that letter again, under the entry
 * that it first was: one event may have several letters, and the relay may publish one of them twice. A letter that is
 * open or discarded by then says all there is to say.
 */
export async function insertDeadLetters(trx: Transaction, letters: readonly NewDeadLetter[]): Promise<void> {
  if (letters.length === 0) return;
  await sql`
    with incoming as (
      select * from unnest(${column(letters, "stream")}::text[], ${column(letters, "entry_id")}::text[],
        ${column(letters, "event_id")}::text[], ${column(letters, "event_type")}::text[],
        ${letters.map((letter) => JSON.stringify(letter.payload))}::jsonb[], ${column(letters, "reason")}::text[],
        ${column(letters, "trace")}::text[], ${column(letters, "attempts")}::int[],
        ${column(letters, "letter_id")}::bigint[])
        with ordinality as letter (stream, entry_id, event_id, event_type, payload, reason, trace, attempts, letter_id, nth)
    ), reopened as (
      update dead_letters d set status = 'open', resolved_at = null,
        reason = incoming.reason, trace = incoming.trace, attempts = d.attempts + incoming.attempts
      from incoming
      where d.status = 'redriven' and (d.id, d.stream, d.event_id) = (letter_id, incoming.stream, incoming.event_id)
    )
    insert into dead_letters (stream, entry_id, event_id, event_type, payload, reason, trace, attempts)
    select stream, entry_id, event_id, event_type, payload, reason, trace, attempts from incoming
    where not exists (
      select from dead_letters d
      where (d.id, d.stream, d.event_id) = (letter_id, incoming.stream, incoming.event_id))
    order by nth
    on conflict (stream, entry_id) do nothing`.execute(trx);
}

/**
 * Of these entries, the ids of those that are dead letters, or were. A letter that was redriven speaks for the entry that
 * it first was; the one that it comes back as has still to be done.
 */
export async function findBuried(
  db: Database,
  stream: string,
  entries: readonly { id: string; eventId: string }[],
): Promise<Set<string>> {
  if (entries.length === 0) return new Set();
  const { rows } = await sql<{ id: string }>`
    select entry.id from unnest(${column(entries, "id")}::text[], ${column(entries, "eventId")}::text[]) as entry (id, event_id)
    where exists (
      select from dead_letters d
      where d.stream = ${stream} and (
        d.entry_id = entry.id or (d.event_id = entry.event_id and d.status <> 'redriven')))`.execute(db);
  return new Set(rows.map((row) => row.id));
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

/** Joined by AND; what is left out fits all. */
export interface DeadLetterFilter {
  stream?: string | undefined;
  event_type?: string | undefined;
  /** A part of it, in capitals or not. */
  reason?: string | undefined;
}

export async function listDeadLetters(
  db: Database,
  { statuses, ...filter }: DeadLetterFilter & { statuses: readonly DeadLetterStatus[] },
  page: { size: number; after: bigint },
): Promise<DeadLetterRow[]> {
  // Newest first, so the key of the next page is the smallest id seen; 0 starts.
  let query = db
    .selectFrom("dead_letters")
    .selectAll()
    .where(fits(filter))
    .orderBy("id", "desc")
    .limit(page.size);
  if (page.after > 0n) query = query.where("id", "<", page.after);
  if (statuses.length > 0) query = query.where("status", "in", statuses);
  return (await query.execute()) as DeadLetterRow[];
}

function fits({ stream, event_type, reason }: DeadLetterFilter) {
  return sql<boolean>`(${stream ?? null}::text is null or stream = ${stream ?? null})
    and (${event_type ?? null}::text is null or event_type = ${event_type ?? null})
    and (${reason ?? null}::text is null or position(lower(${reason ?? null}) in lower(reason)) > 0)`;
}

/** The ids of the oldest open ones, locked. Whoever waited for the lock finds only what is still open. */
export async function lockOpenDeadLetters(
  trx: Transaction,
  filter: DeadLetterFilter,
  limit: number,
): Promise<bigint[]> {
  const { rows } = await sql<{ id: bigint }>`
    select id from dead_letters where status = 'open' and ${fits(filter)} order by id limit ${limit}
    for update`.execute(trx);
  return rows.map((row) => row.id);
}

export async function countOpenDeadLetters(db: Database, filter: DeadLetterFilter = {}): Promise<bigint> {
  const { rows } = await sql<{ open: bigint }>`
    select count(*) as open from dead_letters where status = 'open' and ${fits(filter)}`.execute(db);
  return rows[0]?.open ?? 0n;
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
