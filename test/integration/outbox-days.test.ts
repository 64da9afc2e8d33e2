import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { sql } from "kysely";
import pg from "pg";
import { afterEach, beforeEach, expect, inject, it } from "vitest";
import { createDatabase, createPool, type Database } from "../../src/db/database.ts";
import { migrate } from "../../src/db/migrate.ts";
import { appendEvents } from "../../src/db/outbox.ts";
import { inTransaction } from "../../src/db/transaction.ts";
import { event } from "../../src/domain/events.ts";
import { prune } from "../../src/use-cases/maintenance/prune.ts";
import { verify } from "../../src/use-cases/maintenance/verify.ts";
import { inDatabase, type TestDatabase, testDatabase } from "../support/database.ts";

const FOLDER = new URL("../../migrations/", import.meta.url);
const LAST_BEFORE = "0004_messaging.sql";

let test: TestDatabase;
let db: Database;

beforeEach(async () => {
  test = await testDatabase();
  db = test.db;
});
afterEach(() => test.close());

async function days(): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select inhrelid::regclass::text as name from pg_inherits where inhparent = 'outbox'::regclass order by 1`.execute(
    db,
  );
  return rows.map((row) => row.name);
}

function dayName(offset: number): string {
  const day = new Date(Date.now() + offset * 86_400_000).toISOString().slice(0, 10);
  return `outbox_${day.replaceAll("-", "")}`;
}

/** Makes the table of a day in the past, or in the future. */
async function makeDay(offset: number): Promise<string> {
  const name = dayName(offset);
  const day = (plus: number) => new Date(Date.now() + plus * 86_400_000).toISOString().slice(0, 10);
  await sql
    .raw(`create table ${name} partition of outbox for values from ('${day(offset)} 00:00+00')
    to ('${day(offset + 1)} 00:00+00')`)
    .execute(db);
  return name;
}

/** An event of so many days ago, published as many days ago as said; null: not at all. */
async function addEvent(ago: number, publishedAgo: number | null, aggregate = "1"): Promise<void> {
  await sql`
    with counter as (
      insert into outbox_sequences as c values ('listing', ${aggregate}, 1)
      on conflict (aggregatetype, aggregateid) do update set last_sequence = c.last_sequence + 1 returning last_sequence
    )
    insert into outbox (stream, aggregatetype, aggregateid, sequence, type, payload, created_at, published_at, batch)
    select 's', 'listing', ${aggregate}, last_sequence, 't', '{}', now() - make_interval(days => ${ago}),
      now() - make_interval(days => ${publishedAgo}::int), ${publishedAgo === null ? null : 1}
    from counter`.execute(db);
}

async function tablesOfEvents(): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select tableoid::regclass::text as name from outbox order by position`.execute(db);
  return rows.map((row) => row.name);
}

it("has today's table and the next three days', beside the one that takes what has none", async () => {
  expect(await days()).toEqual([0, 1, 2, 3].map(dayName).concat("outbox_default"));
  await inTransaction(db, (trx) => appendEvents(trx, [event("shipment.created", { shipment_id: 1 })]));
  expect(await tablesOfEvents()).toEqual([dayName(0)]);
});

it("drops whole days, oldest first, when all in them was published more than a week ago", async () => {
  for (const ago of [-11, -10, -9]) await makeDay(ago);
  await addEvent(11, 11);
  await addEvent(10, 6); // it had to wait for Redis
  await addEvent(9, 9);
  expect(await prune(db)).toMatchObject({ outbox_days_dropped: 1 });
  expect(await tablesOfEvents()).toEqual([dayName(-10), dayName(-9)]);

  await sql`update outbox set published_at = null where published_at > now() - interval '7 days'`.execute(db);
  expect(await prune(db)).toMatchObject({ outbox_days_dropped: 0 });
  await sql`update outbox set published_at = now() - interval '8 days' where published_at is null`.execute(
    db,
  );
  expect(await prune(db)).toMatchObject({ outbox_days_dropped: 2 });
  expect(await tablesOfEvents()).toEqual([]);
});

it("takes events on days that nobody has prepared, and lets them stay where they are", async () => {
  for (const offset of [0, 1, 2, 3]) await sql.raw(`drop table ${dayName(offset)}`).execute(db);
  await addEvent(40, 40, "old");
  await addEvent(2, 2, "young");
  await addEvent(0, null, "new");
  await addEvent(-60, null, "when a clock jumped");
  expect(await tablesOfEvents()).toEqual(Array(4).fill("outbox_default"));

  expect(await prune(db)).toMatchObject({ outbox_default: 1, outbox_days_made: 3, outbox_days_dropped: 0 });
  expect(await days()).toEqual([1, 2, 3].map(dayName).concat("outbox_default"));
  expect(await tablesOfEvents()).toEqual(Array(3).fill("outbox_default"));
});

it("keeps nobody waiting when it can't have a day's table at once", async () => {
  await makeDay(-9);
  await addEvent(9, 9);
  await db.transaction().execute(async (trx) => {
    await sql`select from outbox limit 1`.execute(trx);
    expect(await prune(db)).toMatchObject({ outbox_days_dropped: 0 });
  });
  expect(await prune(db)).toMatchObject({ outbox_days_dropped: 1 });
});

it("keeps the numbering of events whole when days are gone", async () => {
  await makeDay(-9);
  await addEvent(9, 9);
  await addEvent(0, 0);
  await prune(db);
  await addEvent(0, 0);
  expect(await verify(db, ["no_event_lost"])).toMatchObject([{ violation_count: 0n }]);
});

it("takes over every event that there was before there were days", async () => {
  const { serverUrl } = inject("postgres");
  const name = `wms_before_${Date.now()}`;
  const admin = new pg.Client({ connectionString: serverUrl });
  await admin.connect();
  await admin.query(`create database ${name}`);
  const pool = createPool({ connectionString: inDatabase(serverUrl, name), max: 1 });
  try {
    await migrateTo(pool, LAST_BEFORE);
    await pool.query(`
      insert into outbox (stream, aggregatetype, aggregateid, sequence, type, payload, created_at, published_at)
      select 's', 'listing', '1', n, 't', jsonb_build_object('n', n::text), now() - make_interval(hours => 2000 - n),
        case when n <= 1500 then now() end from generate_series(1, 2000) as n`);
    await pool.query("delete from outbox where position > 1990");
    const before = await pool.query("select * from outbox order by position");
    await migrate(pool);
    const after = await pool.query(
      "select position, id, stream, aggregatetype, aggregateid, sequence, type, payload, created_at, published_at from outbox order by position",
    );
    expect(after.rows).toEqual(before.rows);
    const { rows } = await pool.query(
      "select count(*) from outbox where (batch < 0) is distinct from (position <= 1500)",
    );
    expect(rows).toEqual([{ count: 490n }]); // those that wait have no batch
    await inTransaction(createDatabase(pool), (trx) =>
      appendEvents(trx, [event("shipment.created", { shipment_id: 1 })]),
    );
    expect((await pool.query("select max(position) as last from outbox")).rows).toEqual([{ last: 2001n }]);
  } finally {
    await pool.end();
    await admin.query(`drop database ${name} with (force)`);
    await admin.end();
  }
});

/** Brings a database to where it stood when this was the last migration. */
async function migrateTo(pool: pg.Pool, last: string): Promise<void> {
  await pool.query(`create table schema_migrations (
    name text primary key, checksum text not null, applied_at timestamptz not null default now())`);
  for (const name of (await readdir(FOLDER)).filter((file) => file <= last).sort()) {
    const text = await readFile(new URL(name, FOLDER), "utf8");
    await pool.query(text);
    const checksum = createHash("sha256").update(text).digest("hex");
    await pool.query("insert into schema_migrations (name, checksum) values ($1, $2)", [name, checksum]);
  }
}
