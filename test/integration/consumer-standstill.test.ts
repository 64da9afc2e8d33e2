import type { Redis } from "ioredis";
import { type RawBuilder, sql } from "kysely";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createDatabase, createPool, type Database } from "../../src/db/database.ts";
import type { DeadLetterRow } from "../../src/db/dead-letters.ts";
import { CONSUMER_GROUP, ORDER_STREAM } from "../../src/domain/events.ts";
import type { StreamEntry } from "../../src/events/consumer-group.ts";
import type { EntryHandler } from "../../src/events/consuming.ts";
import type { EventLogger } from "../../src/events/logger.ts";
import { orderEntryHandler } from "../../src/events/order-consumer.ts";
import { redriveDeadLetters } from "../../src/use-cases/maintenance/dead-letters.ts";
import { ConsumerWorld, cancellation, confirmation, line } from "../support/consumers.ts";
import { startProxy } from "../support/proxy.ts";
import { upTo } from "../support/relays.ts";
import { readStream, silent } from "../support/streams.ts";
import { until } from "../support/until.ts";
import { freshCall } from "../support/world.ts";

/** A statement of the consumer's ends after this; it waits half a second for a lock. */
const STATEMENT_MS = 1_500;

let world: ConsumerWorld;
let db: Database;
let redis: Redis;
const closers: (() => Promise<void>)[] = [];

beforeEach(async () => {
  world = await ConsumerWorld.open();
  ({ db, redis } = world);
});
afterEach(async () => {
  await world.stopAll();
  for (const close of closers.splice(0).reverse()) await close();
  await world.close();
});

/** A consumer's pool that is soon out of patience. */
function hasty(connectionString = world.database.url): Database {
  const pool = createPool({ connectionString, max: 3, statementMs: STATEMENT_MS });
  closers.push(() => pool.end());
  return createDatabase(pool);
}

/** While this stands, PL/pgSQL of the test's runs before each such row is stored. */
async function meddle(table: string, condition: string, body: string): Promise<void> {
  await sql
    .raw(`
    create function meddle() returns trigger language plpgsql as $$ begin ${body}; return new; end $$;
    create trigger meddle before insert on ${table} for each row when (${condition}) execute function meddle()`)
    .execute(db);
}

const mend = (table: string) => sql`drop trigger meddle on ${sql.table(table)}`.execute(db);

/** The next failed attempt but so many is the last that this entry gets. */
async function countBefore(entry_id: string | null, attempts: number): Promise<void> {
  await sql`insert into event_attempts (consumer, entry_id, attempts, last_error)
    values (${CONSUMER_GROUP}, ${entry_id}, ${attempts}, 'no luck')`.execute(db);
}

async function attempts(): Promise<number[]> {
  const { rows } = await sql<{ attempts: number }>`select attempts from event_attempts`.execute(db);
  return rows.map((row) => row.attempts);
}

const openLetters = (count: number): Promise<DeadLetterRow[]> =>
  until(`${count} dead letters are open`, async () => {
    const letters = await world.openLetters();
    return letters.length === count && letters;
  });

async function countLetters(): Promise<number> {
  const { rows } = await sql<{ all: bigint }>`select count(*) as all from dead_letters`.execute(db);
  return Number(rows[0]?.all);
}

const redriveAll = async () =>
  redriveDeadLetters(
    db,
    freshCall(),
    (await world.openLetters()).map((letter) => letter.id),
  );

/** Order 999 is taken, and nothing that came before is in the way. */
async function goesOn(): Promise<void> {
  await world.add(...confirmation(999));
  await world.order(999);
  await world.nothingPending();
}

/** Holds what the statement locks until it is told to let go. */
async function holdLock(statement: RawBuilder<unknown>): Promise<() => Promise<void>> {
  const held = Promise.withResolvers<void>();
  const enough = Promise.withResolvers<void>();
  const holding = db.transaction().execute(async (trx) => {
    await sql`set local idle_in_transaction_session_timeout = 0`.execute(trx);
    await statement.execute(trx);
    held.resolve();
    await enough.promise;
  });
  await Promise.race([held.promise, holding]);
  let released = false;
  const release = async () => {
    enough.resolve();
    if (!released) await holding;
    released = true;
  };
  closers.push(release);
  return release;
}

interface Watched {
  handler: EntryHandler;
  /** How often this entry was taken in hand. */
  triesOf(entry_id: string | null): number;
  warnings: string[];
}

function watched(inDatabase: Database): Watched {
  const warnings: string[] = [];
  const warn: EventLogger["warn"] = (_, message) => void warnings.push(message);
  const inner = orderEntryHandler(inDatabase, { info() {}, warn, error: warn });
  const seen: string[] = [];
  const handle = (entries: readonly StreamEntry[]) => {
    seen.push(...entries.map((entry) => entry.id));
    return inner.handle(entries);
  };
  return {
    handler: { handle, findUndone: (entries) => inner.findUndone(entries) },
    triesOf: (entry_id) => seen.filter((id) => id === entry_id).length,
    warnings,
  };
}

describe("dead letters that come back", () => {
  it("are opened again each by itself, also when two have one event id", async () => {
    await world.refuseOrder(13);
    world.relay();
    for (const _ of [1, 2]) await world.add(...confirmation(13, [line(1, 1)], "event-13"));
    world.consume();
    const before = await openLetters(2);
    expect(await redriveAll()).toMatchObject({ redriven: 2 });
    const after = await openLetters(2);
    expect(after.map(({ id, event_id, attempts: all }) => ({ id, event_id, all }))).toEqual(
      before.map(({ id }) => ({ id, event_id: "event-13", all: 16 })),
    );
    await goesOn();
    expect(await countLetters()).toBe(2);
    expect(world.restarts).toEqual([]);
  });

  it("are the same letters, although the relay has published them twice", async () => {
    await world.refuseOrder(13);
    world.relay();
    world.consume();
    await world.add(...confirmation(13));
    const [letter] = await openLetters(1);
    await redriveAll();
    const back = await until("it is back", async () => (await readStream(redis, ORDER_STREAM))[1]);
    await world.add(...Object.entries(back.fields).flat());
    await world.nothingPending();
    expect(await world.openLetters()).toMatchObject([{ id: letter?.id, event_id: letter?.event_id }]);
    expect(await countLetters()).toBe(1);
  });

  it("are the same letters when nobody can tell what they are", async () => {
    world.relay();
    world.consume();
    await world.add("nonsense", "1");
    const [letter] = await openLetters(1);
    await redriveAll();
    expect(await openLetters(1)).toMatchObject([{ id: letter?.id, attempts: 2, reason: "type: is missing" }]);
    await world.nothingPending();
    expect(await countLetters()).toBe(1);
  });

  it("are not what only claims to be one of them", async () => {
    world.consume();
    await world.add("nonsense", "1");
    const [letter] = await openLetters(1);
    await redriveAll(); // and no relay brings it back
    for (const claim of [`dead_letter:${letter?.id}`, "dead_letter:9223372036854775808", "dead_letter:x"])
      await world.add("nonsense", "2", "aggregate_id", claim);
    const others = await openLetters(3);
    expect(others.map(({ id }) => id)).not.toContain(letter?.id);
    await goesOn();
  });
});

describe("a batch that is too slow", () => {
  it("is taken in parts that are not", async () => {
    await meddle("orders", "new.order_id <= 40", "perform pg_sleep(0.06)");
    for (const id of upTo(40)) await world.add(...confirmation(id));
    world.consume({ db: hasty() });
    await until("all are taken", async () => (await world.orderIds()).length === 40, 20_000);
    await goesOn();
    expect(await attempts()).toEqual([]);
    expect(world.restarts).toEqual([]);
  });

  it("because of one event costs that one an attempt, and the others nothing", async () => {
    await meddle("orders", "new.order_id = 3", "perform pg_sleep(60)");
    const ids = await Promise.all(upTo(4).map((id) => world.add(...confirmation(id))));
    await countBefore(ids[2] ?? null, 6);
    world.consume({ db: hasty() });
    await until("the others are taken", async () => (await world.orderIds()).length === 3, 20_000);
    expect(await openLetters(1)).toMatchObject([{ attempts: 8, payload: { order_id: "3" } }]);
    await goesOn();
    expect(world.restarts).toEqual([]);
  });

  it("because the database is away is kept as it is, and counts for nobody", async () => {
    await meddle("orders", "new.order_id = 1", "perform pg_sleep(1)");
    const proxy = await startProxy(world.database.url);
    closers.push(() => proxy.close());
    world.consume({ db: hasty(proxy.url) });
    await world.add(...confirmation(1));
    await until("it is in hand", async () => {
      const { rows } = await sql`select from pg_stat_activity
        where wait_event = 'PgSleep' and datname = current_database()`.execute(db);
      return rows.length > 0;
    });
    proxy.delay(600_000); // nobody hears anything any more, on new lines neither
    await until("it has failed", async () => world.restarts.length > 0, 20_000);
    expect(await attempts()).toEqual([]);
    proxy.mend();
    await world.order(1, 20_000);
    await world.nothingPending();
    expect(await attempts()).toEqual([]);
  });
});

describe("a lock that others hold", () => {
  it("keeps only those waiting that need it, and makes no dead letter of them, however long it lasts", async () => {
    const taking = watched(hasty());
    world.consume({ handler: taking.handler });
    await world.add(...confirmation(1));
    await world.order(1);
    await world.nothingPending();
    const release = await holdLock(sql`select from orders where order_id = 1 for update`);
    const waiting = await world.add(...cancellation(1, []));
    await countBefore(waiting, 7);
    for (const id of upTo(60)) await world.add(...confirmation(100 + id));
    await until("the others are taken", async () => (await world.orderIds()).length === 61, 20_000);
    await until("it was tried again", async () => taking.triesOf(waiting) >= 3, 20_000);
    expect(await attempts()).toEqual([7]);
    expect(await world.openLetters()).toEqual([]);
    expect(taking.warnings).toEqual([expect.stringMatching(/lock/)]);
    await release();
    await world.nothingPending();
    const { rows } = await sql`select status from orders where order_id = 1`.execute(db);
    expect(rows).toEqual([{ status: "cancelled" }]);
    expect(world.restarts).toEqual([]);
  });

  it("that all need is not waited for by each of them", async () => {
    const handler = orderEntryHandler(hasty(), silent);
    await world.makeGroup();
    for (const id of upTo(100)) await world.add(...confirmation(id));
    const entries = await readStream(redis, ORDER_STREAM);
    const release = await holdLock(sql`lock table orders in access exclusive mode`);
    const from = performance.now();
    expect(await handler.handle(entries)).toEqual([]);
    expect(performance.now() - from).toBeLessThan(12_000); // each by itself and all halves: a minute
    await release();
    expect(await handler.handle(entries)).toHaveLength(100);
    expect(await attempts()).toEqual([]);
  });

  it.each(["40001", "40P01"])("and a race that was lost too often (%s) is nobody's fault", async (state) => {
    await meddle("orders", "new.order_id = 13", `raise exception using errcode = '${state}'`);
    const taking = watched(db);
    const waiting = await world.add(...confirmation(13));
    await countBefore(waiting, 7);
    for (const id of upTo(6)) await world.add(...confirmation(id));
    world.consume({ handler: taking.handler });
    await until("the others are taken", async () => (await world.orderIds()).length === 6);
    await until("it was tried again", async () => taking.triesOf(waiting) >= 3, 20_000);
    expect(await attempts()).toEqual([7]);
    expect(taking.warnings).toHaveLength(1);
    await mend("orders");
    await world.order(13);
    expect(await world.openLetters()).toEqual([]);
    expect(world.restarts).toEqual([]);
  });
});

describe("a dead letter whose content can't be kept", () => {
  const bad = (...more: string[]) => ["type", "order.confirmed", "order_id", "-5", "items", "[]", ...more];

  it("is cut where no character is torn", async () => {
    world.consume();
    await world.add(
      ...bad("note", `${"x".repeat(1_999_999)}\u{1F600}`, `\0${"y".repeat(1_999_998)}\u{1F600}`, "1"),
    );
    const [letter] = await openLetters(1);
    expect(letter?.payload["note"]).toMatch(/x\uFFFD$/);
    expect(Object.keys(letter?.payload ?? {}).at(-1)).toMatch(/^(\uFFFD.*y\uFFFD|note)$/);
    await goesOn();
  });

  it("is kept without it, and the others whole", async () => {
    await meddle("dead_letters", "new.payload ? 'worst'", `raise exception using errcode = '22P02'`);
    for (const nth of ["1", "2", "3"])
      await world.add(...bad("nth", nth, ...(nth === "2" ? ["worst", "1"] : [])));
    world.consume();
    const letters = await openLetters(3);
    expect(letters.map(({ payload }) => payload["nth"])).toEqual(["3", undefined, "1"]);
    expect(letters[1]).toMatchObject({
      payload: {},
      reason: expect.stringMatching(/^order_id: must be .*; its content could not be kept: /),
    });
    await goesOn();
    expect(world.restarts).toEqual([]);
  });

  it("is kept without it when it could be read", async () => {
    await world.refuseOrder(13);
    await meddle("dead_letters", "new.payload ? 'worst'", `raise exception using errcode = '22P02'`);
    const entry = await world.add(...confirmation(13), "worst", "1");
    await countBefore(entry, 7);
    world.consume();
    expect(await openLetters(1)).toMatchObject([
      {
        payload: {},
        attempts: 8,
        reason: expect.stringMatching(/^no luck; its content could not be kept: /),
      },
    ]);
    await goesOn();
  });

  it("waits, and stops no other, when it can't be kept at all", async () => {
    await world.refuseOrder(13);
    await meddle("dead_letters", "true", "raise exception 'no room'");
    const entry = await world.add(...confirmation(13));
    await countBefore(entry, 7);
    await world.add(...bad());
    const taking = watched(db);
    world.consume({ handler: taking.handler });
    await world.add(...confirmation(1));
    await world.order(1);
    await until("it was tried again", async () => taking.triesOf(entry) >= 3);
    expect(await world.pendingCount()).toBe(2);
    expect(world.restarts).toEqual([]);
    await mend("dead_letters");
    await openLetters(2);
    await goesOn();
  });
});
