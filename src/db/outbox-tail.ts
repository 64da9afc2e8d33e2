import { sql } from "kysely";
import type { Database } from "./database.ts";

/** An event as one who watches needs it. */
export interface TailEvent {
  position: bigint;
  id: string;
  type: string;
  aggregate: string;
  aggregate_id: bigint;
  /** Null: it is about no order. */
  order_id: bigint | null;
  /** Of picking and packing tasks only. */
  warehouse_id: bigint | null;
  created_at: Date;
}

/** Positions from..to, both of them. */
export interface PositionRange {
  from: bigint;
  to: bigint;
}

/** What one statement saw. */
export interface TailReading {
  /** By position. */
  events: TailEvent[];
  /** Every transaction below it had ended, */
  xmin: bigint;
  /** and none from here on had begun. */
  xmax: bigint;
}

/** Longer than any transaction may last, so that only the days in question are looked into. */
const SPAN = sql`created_at > now() - interval '1 hour'`;

/** Of the others, such as redriven messages, nobody is told: their fields are not even looked at. */
const TOLD = sql`aggregatetype in ('order', 'fulfillment', 'picking_task', 'packing_task', 'shipment')`;

const EVENT = sql`
  select position, event.id, type, aggregatetype as aggregate, aggregateid::bigint as aggregate_id,
    case when ${TOLD} then (payload ->> 'order_id')::bigint end as order_id,
    case aggregatetype
      when 'picking_task' then (select warehouse_id from picking_tasks task where task.id = aggregateid::bigint)
      when 'packing_task' then (select warehouse_id from packing_tasks task where task.id = aggregateid::bigint)
    end as warehouse_id, event.created_at`;

/**
 * Where to begin, so that whatever is not visible yet lies behind: the last position of before the oldest transaction
 * that still writes. A minute at least, for roles to which the server does not show when others began.
 */
export async function findTailStart(db: Database): Promise<bigint> {
  const { rows: sessions } = await sql<{ since: Date }>`
    select least(min(xact_start), now() - interval '1 minute') as since
    from pg_stat_activity where datname = current_database() and backend_xid is not null`.execute(db);
  const { rows } = await sql<{ position: bigint }>`
    select position from outbox where created_at < ${sessions[0]?.since} order by position desc limit 1`.execute(
    db,
  );
  return rows[0]?.position ?? 0n;
}

/** What has become visible behind a position, at most `limit` of it, and all that has in the gaps before. */
export async function readTail(
  db: Database,
  { after, gaps, limit }: { after: bigint; gaps: readonly PositionRange[]; limit: number },
): Promise<TailReading> {
  const { rows } = await sql<Partial<TailEvent> & { xmin: string; xmax: string }>`
    with behind as (
      ${EVENT} from outbox event where position > ${after} and ${SPAN} order by position limit ${limit}
    ), between as (
      ${EVENT} from unnest(${gaps.map((gap) => gap.from)}::bigint[], ${gaps.map((gap) => gap.to)}::bigint[]) as gap (first, last)
      join outbox event on position between first and last and ${SPAN}
    ), seen as (
      select pg_snapshot_xmin(now)::text as xmin, pg_snapshot_xmax(now)::text as xmax from pg_current_snapshot() as now
    )
    select * from seen left join (select * from behind union all select * from between) as events on true
    order by position`.execute(db);
  const { xmin, xmax } = rows[0] as { xmin: string; xmax: string };
  return { events: (rows as Partial<TailEvent>[]).filter(isEvent), xmin: BigInt(xmin), xmax: BigInt(xmax) };
}

function isEvent(row: Partial<TailEvent>): row is TailEvent {
  return row.position !== null;
}

/** Whose changes are watched. */
export type Watched = { order_id: bigint } | { warehouse_id: bigint };

/** So far back a watch is continued; who has missed more is told the present state. */
const MOST_POSITIONS = 20_000n;

/**
 * What has been told about the watched since a position, by position. Undefined: it is not sure any more that all of it
 * is there, or it is more than `limit`.
 */
export async function readMissed(
  db: Database,
  watched: Watched,
  { after, limit }: { after: bigint; limit: number },
): Promise<TailEvent[] | undefined> {
  if (!(await isWithinReach(db, after))) return undefined;
  const about =
    "order_id" in watched ? sql`order_id = ${watched.order_id}` : sql`warehouse_id = ${watched.warehouse_id}`;
  const { rows } = await sql<TailEvent>`
    select * from (${EVENT} from outbox event where position > ${after}) as events
    where ${about} order by position limit ${limit + 1}`.execute(db);
  return rows.length > limit ? undefined : rows;
}

/** Days are dropped a week after they were published, the oldest first: with an event of before, all behind it are there. */
async function isWithinReach(db: Database, position: bigint): Promise<boolean> {
  const { rows } = await sql<{ reached: boolean }>`
    select coalesce(max(position) between ${position} and ${position + MOST_POSITIONS}, false)
      and exists (select from outbox where position <= ${position} and created_at > now() - interval '6 days') as reached
    from outbox`.execute(db);
  return rows[0]?.reached === true;
}

export function isWatched(event: TailEvent, watched: Watched): boolean {
  if ("order_id" in watched) return event.order_id === watched.order_id;
  return event.warehouse_id === watched.warehouse_id;
}
