import type { Redis } from "ioredis";
import type pg from "pg";

/** How many events go out in one round. */
export const BATCH = 500;

export interface OutboxRow {
  position: string;
  id: string;
  stream: string;
  aggregatetype: string;
  aggregateid: string;
  sequence: string;
  type: string;
  payload: Record<string, string>;
  timestamp: string;
}

/** What was committed and not published, oldest first: an aggregate's rows come in the order of its sequence. */
export async function readUnpublished(client: pg.Client): Promise<OutboxRow[]> {
  const { rows } = await client.query<OutboxRow>({
    name: "relay-unpublished",
    text: `select position, id, stream, aggregatetype, aggregateid, sequence, type, payload,
             floor(extract(epoch from created_at))::bigint as timestamp
           from outbox where published_at is null order by position limit $1`,
    values: [BATCH],
  });
  return rows;
}

/**
 * Adds the rows to their streams in one MULTI: a lost connection or a full memory leaves none of them, so no event
 * overtakes an earlier one of its aggregate. Only a stream that is no stream fails by itself; says which rows Redis has.
 */
export async function addToStreams(
  redis: Redis,
  rows: readonly OutboxRow[],
): Promise<{ stored: OutboxRow[]; error?: Error }> {
  const batch = redis.multi();
  for (const row of rows) batch.xadd(row.stream, "*", ...entryOf(row));
  const results = await batch.exec();
  if (results === null) throw new Error("Redis discarded the batch");
  const stored = rows.filter((_, index) => results[index]?.[0] === null);
  const error = results.find(([failure]) => failure !== null)?.[0];
  return error ? { stored, error } : { stored };
}

export async function markPublished(client: pg.Client, rows: readonly OutboxRow[]): Promise<void> {
  if (rows.length === 0) return;
  await client.query({
    name: "relay-mark",
    text: "update outbox set published_at = now() where position = any($1::bigint[])",
    values: [rows.map((row) => row.position)],
  });
}

/**
 * Flat string fields, as `events.proto` documents them. A message of the dead letters keeps the event id it came with.
 * Different kinds of aggregates share a stream, and their ids may be equal: the kind is part of `aggregate_id`.
 */
function entryOf(row: OutboxRow): string[] {
  const fields = {
    type: row.type,
    ...row.payload,
    timestamp: row.payload["timestamp"] ?? row.timestamp,
    event_id: row.payload["event_id"] ?? row.id,
    aggregate_id: `${row.aggregatetype}:${row.aggregateid}`,
    sequence: row.sequence,
  };
  return Object.entries(fields).flat();
}
