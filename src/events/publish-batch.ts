import type pg from "pg";
import { failpoint } from "../failpoint.ts";
import { type Lead, LeadLostError, RELAY_KEY } from "./lead.ts";
import { runScript } from "./redis-script.ts";

/** How many events go to Redis at once, at most, and how many characters. */
const BATCH = 500;
const MAX_CHARACTERS = 8_000_000;
/** How many are read at once: while Redis takes a batch, the database marks the one before. */
export const READ = 2 * BATCH;

export interface OutboxRow {
  position: string;
  id: string;
  stream: string;
  aggregatetype: string;
  aggregateid: string;
  sequence: string;
  type: string;
  payload: Record<string, string>;
  /** With it, the row's day is known. */
  created_at: string;
  timestamp: string;
}

/** What was committed and not published, oldest first: an aggregate's rows come in the order of its sequence. */
export async function readUnpublished(client: pg.Client): Promise<OutboxRow[]> {
  const { rows } = await client.query<OutboxRow>({
    name: "relay-unpublished",
    text: `select position, id, stream, aggregatetype, aggregateid, sequence, type, payload, created_at::text,
             floor(extract(epoch from created_at))::bigint as timestamp
           from outbox where published_at is null order by position limit $1`,
    values: [READ],
  });
  return rows;
}

/**
 * Publishes the rows and marks them. Says how many: fewer than there are when they are too long for one go. "behind": Redis
 * has lost what was published before, and has got nothing of this. Fails when the lead is lost, or a stream is none.
 */
export async function publish(lead: Lead, rows: readonly OutboxRow[]): Promise<number | "behind"> {
  let published = 0;
  let marking: Promise<void> = Promise.resolve();
  while (published < rows.length) {
    const next = rows.slice(published, published + BATCH);
    const [added] = await Promise.all([addToStreams(lead, next), marking]);
    if (added === "behind") return added;
    failpoint("relay.published");
    marking = markPublished(lead, added);
    published += added.rows.length;
    if (added.rows.length === next.length) continue;
    await marking;
    if (added.error) throw added.error;
    return published;
  }
  await marking;
  return published;
}

/**
 * The check of the epoch keeps a former leader out; the check of the last batch finds out that Redis has lost its
 * latest. Only a stream that is no stream fails by itself, and holds back the rest of its entries.
 */
const PUBLISH = {
  name: "relayPublish",
  lua: `
    local epoch, batch = unpack(redis.call("HMGET", KEYS[1], "epoch", "batch"))
    if tonumber(epoch or "0") > tonumber(ARGV[1]) then return {"stale"} end
    if (batch or "0") ~= ARGV[2] then return {"behind"} end
    local ids, added, broken, problem = {}, {}, {}, ""
    for nth, entry in ipairs(cjson.decode(ARGV[4])) do
      local stream = KEYS[entry[1]]
      ids[nth] = ""
      if not broken[stream] then
        local id = redis.pcall("XADD", stream, "*", unpack(entry, 2))
        if type(id) == "table" then
          broken[stream] = true
          problem = id.err
        else
          ids[nth] = id
          added[stream] = (added[stream] or 0) + 1
        end
      end
    end
    if next(added) == nil then return redis.error_reply(problem) end
    redis.call("HSET", KEYS[1], "epoch", ARGV[1], "batch", ARGV[3])
    for stream, count in pairs(added) do redis.call("HINCRBY", KEYS[1], "added:" .. stream, count) end
    return {"ok", problem, ids}`,
};

interface Published {
  batch: bigint;
  rows: OutboxRow[];
  /** Of each row, its entry. */
  ids: string[];
  /** Why some rows were not added. */
  error?: Error;
}

/**
 * Adds the rows to their streams in one step: a lost connection or a full memory leaves all or none of them, so no event
 * overtakes an earlier one of its aggregate. "behind": nothing was added, since Redis lacks the batch before.
 */
async function addToStreams(lead: Lead, read: readonly OutboxRow[]): Promise<Published | "behind"> {
  const { streams, rows, entries } = encode(read);
  const batch = lead.batch + 1n;
  const answer = await runScript(
    lead.redis,
    PUBLISH,
    [RELAY_KEY, ...streams],
    [lead.epoch, String(lead.batch), String(batch), entries],
  );
  const [verdict, problem, ids] = answer as [string, string, string[]];
  if (verdict === "stale") throw new LeadLostError("Redis");
  if (verdict === "behind") return "behind";
  lead.batch = batch;
  const stored = rows.filter((_, nth) => ids[nth] !== "");
  const published = { batch, rows: stored, ids: ids.filter((id) => id !== "") };
  return problem ? { ...published, error: new Error(problem) } : published;
}

/** As one text: for Redis' parser and ours, that is a fraction of the work of thousands of arguments. */
function encode(read: readonly OutboxRow[]) {
  const streams = [...new Set(read.map((row) => row.stream))];
  const places = new Map(streams.map((stream, nth) => [stream, nth + 2])); // Lua counts from 1, which is the relay's key
  const entries: (string | number)[][] = [];
  let characters = 0;
  for (const row of read) {
    const fields = entryOf(row);
    for (const text of fields) characters += text.length;
    if (characters > MAX_CHARACTERS && entries.length > 0) break;
    entries.push([places.get(row.stream) as number, ...fields]);
  }
  return { streams, rows: read.slice(0, entries.length), entries: JSON.stringify(entries) };
}

/** Fails when the lead is lost: then another has published these rows again, or will. */
async function markPublished(lead: Lead, { batch, rows, ids }: Published): Promise<void> {
  const times = rows.map((row) => row.created_at).sort();
  const { rows: answer } = await lead.client.query<{ leads: boolean }>({
    name: "relay-mark",
    // The times only say which days to look into.
    text: `with lead as (
             update relay_leader set batch = $1 where epoch = $2 returning true as leads
           ), marked as (
             update outbox set published_at = now(), batch = $1,
               entry_id = ($4::text[])[width_bucket(position, $3::bigint[])]
             from lead
             where position = any($3) and created_at between $5::timestamptz and $6::timestamptz
           )
           select leads from lead`,
    values: [String(batch), lead.epoch, rows.map((row) => row.position), ids, times[0], times.at(-1)],
  });
  if (answer.length === 0) throw new LeadLostError("PostgreSQL");
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
