import { sql } from "kysely";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createDatabase, createPool, type Database } from "../../src/db/database.ts";
import { dropOutboxPartitions } from "../../src/db/outbox-partitions.ts";
import { prune } from "../../src/use-cases/maintenance/prune.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";

let test: TestDatabase;
let db: Database;

beforeEach(async () => {
  test = await testDatabase();
  db = test.db;
});
afterEach(() => test.close());

function dateOf(offset: number): string {
  return new Date(Date.now() + offset * 86_400_000).toISOString().slice(0, 10);
}

function dayName(offset: number): string {
  return `outbox_${dateOf(offset).replaceAll("-", "")}`;
}

async function makeDay(offset: number): Promise<string> {
  const name = dayName(offset);
  const bounds = `from ('${dateOf(offset)} 00:00+00') to ('${dateOf(offset + 1)} 00:00+00')`;
  await sql.raw(`create table ${name} partition of outbox for values ${bounds}`).execute(db);
  return name;
}

/** So many events of that day, a batch each, published one after the other until so many days ago. */
async function fill(day: number, count: number, publishedAgo: number): Promise<void> {
  await sql`
    insert into outbox (stream, aggregatetype, aggregateid, sequence, type, payload, created_at, published_at, batch)
    select 's', 'listing', n::text, 1, 't', '{}', now() + make_interval(days => ${day}),
      now() - make_interval(days => ${publishedAgo}) - (${count} - n) * interval '1 minute', n
    from generate_series(1, ${count}::int) as n`.execute(db);
}

async function names(pattern: string): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select relname as name from pg_class where relkind = 'r' and relname ~ ${pattern} order by 1`.execute(db);
  return rows.map((row) => row.name);
}

it("reads none of a day's events to find that they are needed, or not", async () => {
  const name = await makeDay(-9);
  await fill(-9, 5_000, 6);
  await sql.raw(`analyze ${name}`).execute(db);
  const pool = createPool({ connectionString: test.url, max: 1 });
  const one = createDatabase(pool);
  expect(await dropOutboxPartitions(one)).toBe(0);
  await sql`select pg_stat_force_next_flush()`.execute(one);
  const { rows } = await sql<{ seq_tup_read: bigint }>`
    select seq_tup_read from pg_stat_user_tables where relname = ${name}`.execute(db);
  expect(rows).toEqual([{ seq_tup_read: 0n }]);
  await sql`update outbox set published_at = published_at - interval '2 days'`.execute(db);
  expect(await dropOutboxPartitions(one)).toBe(1);
  await pool.end();
});

it("does everything else when one part of it fails, and says which", async () => {
  const name = await makeDay(-9);
  await fill(-9, 1, 9);
  await sql.raw(`create view watched as select * from ${name}`).execute(db); // so it can't be dropped
  await sql`alter table alerts rename to hidden`.execute(db);
  const months = await names("^api_calls_[0-9]{6}$");
  await sql.raw(`drop table ${months.at(-1) as string}`).execute(db);
  await sql`insert into processed_events values ('t', 'old', now() - interval '31 days')`.execute(db);
  await expect(prune(db)).rejects.toThrow(
    /^not all of it was done: alerts \(.*\), outbox_days_dropped \(.*\)$/,
  );
  expect(await names("^api_calls_[0-9]{6}$")).toEqual(months);
  expect((await sql`select from processed_events`.execute(db)).rows).toEqual([]);
});

it("prepares the coming days while today's events are in the default table, which writers need", async () => {
  const coming = [1, 2, 3].map(dayName);
  for (const day of [dayName(0), ...coming]) await sql.raw(`drop table ${day}`).execute(db);
  await fill(0, 1, 0);
  const writer = createPool({ connectionString: test.url, max: 1 });
  const client = await writer.connect();
  await client.query("begin; lock table outbox_default in row exclusive mode");
  expect(await prune(db)).toMatchObject({ outbox_days_made: 0 }); // nobody waits for him, nor behind us
  await client.query("commit");
  expect(await prune(db)).toMatchObject({ outbox_days_made: 3 });
  expect(await names("^outbox_[0-9]{8}$")).toEqual(coming);
  client.release();
  await writer.end();
});
