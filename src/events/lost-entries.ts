import type pg from "pg";
import { CONSUMER_GROUP } from "../domain/events.ts";
import { type Lead, LeadLostError } from "./lead.ts";
import { runScript } from "./redis-script.ts";

/** A published row, and the entry that it should have. */
export interface PublishedRow {
  position: string;
  stream: string;
  batch: string;
  /** Null: published before entry ids were noted. */
  entry_id: string | null;
  created_at: string;
}

/** How many rows are compared in one step: some milliseconds of Redis' time, and more than one batch. */
const PAGE = 1_000;

/** A message of the dead letters that was processed, or has come back, is done with; every other event is needed. */
const IS_NEEDED = `
  (o.aggregatetype <> 'dead_letter' or exists (
    select from dead_letters d
    where d.id::text = o.aggregateid and d.status = 'redriven' and not exists (
      select from processed_events p where p.consumer = '${CONSUMER_GROUP}' and p.event_id = d.event_id)))`;

/** The rows of the next batches after `cursor`, up to `until`: whole batches, so that the last one's number is the next cursor. */
export async function readPublished(
  client: pg.Client,
  cursor: bigint,
  until: bigint,
): Promise<PublishedRow[]> {
  const { rows } = await client.query<PublishedRow>({
    name: "relay-published",
    text: `with page as (
             select position, stream, batch, entry_id, created_at from outbox o
             where batch > $1 and batch <= $2 order by batch limit ${PAGE}
           )
           select position, stream, batch, entry_id, created_at::text from page
           -- The last batch may be cut in two, and comes whole the next time.
           where batch < (select max(batch) from page) or (select count(*) from page) < ${PAGE}
           order by batch, position`,
    values: [String(cursor), String(until)],
  });
  return rows;
}

/** Messages redriven lately that nobody has taken yet: they are on streams that others trim, and whose books nobody keeps. */
export async function readRedriven(client: pg.Client): Promise<PublishedRow[]> {
  const { rows } = await client.query<PublishedRow>({
    name: "relay-redriven",
    text: `select position, o.stream, batch, o.entry_id, o.created_at::text
           from dead_letters d join outbox o on o.aggregatetype = 'dead_letter' and o.aggregateid = d.id::text
           where d.status = 'redriven' and d.resolved_at > now() - interval '1 day' and batch is not null
             and not exists (select from processed_events p where p.consumer = '${CONSUMER_GROUP}' and p.event_id = d.event_id)
           order by position limit ${PAGE}`,
  });
  return rows;
}

const MISSING = {
  name: "relayMissing",
  lua: `
    local missing = {}
    for nth, id in ipairs(ARGV) do
      local found = redis.pcall("XRANGE", KEYS[1], id, id)
      if found.err or #found == 0 then missing[#missing + 1] = nth end
    end
    return missing`,
};

/** Those whose entries are not on their streams. */
export async function withoutEntries(
  { redis }: Lead,
  rows: readonly PublishedRow[],
): Promise<PublishedRow[]> {
  const streams = [...Map.groupBy(rows, (row) => row.stream)];
  const missing = await Promise.all(
    streams.map(async ([stream, its]) => {
      const ids = its.map((row) => row.entry_id as string);
      const places = (await runScript(redis, MISSING, [stream], ids)) as number[];
      return places.map((place) => its[place - 1] as PublishedRow);
    }),
  );
  return missing.flat();
}

/** Lets the rows be published again, before all newer ones; says how many there were by stream. */
export async function putBack(lead: Lead, rows: readonly PublishedRow[]): Promise<Map<string, number>> {
  if (rows.length === 0) return new Map();
  const times = rows.map((row) => row.created_at).sort();
  const { rows: answer } = await lead.client.query<{ leads: boolean; streams: string[] | null }>({
    name: "relay-put-back",
    text: `with lead as (
             select true as leads from relay_leader where epoch = $1 for update
           ), back as (
             update outbox o set published_at = null, batch = null, entry_id = null
             from lead
             where position = any($2::bigint[]) and created_at between $3::timestamptz and $4::timestamptz
               and ${IS_NEEDED}
             returning stream
           )
           select leads, (select array_agg(stream) from back) as streams from lead`,
    values: [lead.epoch, rows.map((row) => row.position), times[0], times.at(-1)],
  });
  const [first] = answer;
  if (!first) throw new LeadLostError("PostgreSQL");
  return new Map(
    [...Map.groupBy(first.streams ?? [], (stream) => stream)].map(([stream, all]) => [stream, all.length]),
  );
}
