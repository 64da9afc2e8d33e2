import { randomUUID } from "node:crypto";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { runMigrations } from "graphile-worker";
import { sql } from "kysely";
import type pg from "pg";
import { createDatabase, createPool, type Database } from "../../db/database.ts";
import { migrate } from "../../db/migrate.ts";
import type { OrderEvent } from "../../domain/order-event.ts";
import { startEmbedded } from "../../embedded/embedded.ts";
import { verify } from "../../use-cases/maintenance/verify.ts";
import { takeOrderEvents } from "../../use-cases/orders/take-order-events.ts";
import { pickItems } from "../../use-cases/picking/pick-items.ts";
import { PickLane } from "../../use-cases/picking/pick-lane.ts";
import { LISTINGS, openTasks, stockUp } from "./stock-up.ts";

const CONNECTIONS = 64;

export function registerBench(program: Command): void {
  program
    .command("bench")
    .description(
      "measure on a private PostgreSQL, as ratios to its own ceiling; absolute figures depend on the machine's mood",
    )
    .option("--seconds <number>", "for each measurement", "3")
    .action(async ({ seconds }: { seconds: string }) => {
      process.exitCode = await bench(Number(seconds));
    });
}

/** Runs everything in one go: only ratios taken in one run say anything. */
async function bench(seconds: number): Promise<number> {
  const dataDir = await mkdtemp(join(tmpdir(), "warehouse-bench-"));
  const need = { postgres: true, redis: false };
  const services = await startEmbedded({ dataDir, log: () => {}, need, discard: true });
  const connectionString = services.databaseUrl as string;
  const pool = createPool({
    connectionString,
    max: CONNECTIONS,
    applicationName: "warehouse-bench",
    statementMs: 60_000,
  });
  try {
    await migrate(pool);
    await runMigrations({ connectionString });
    const db = createDatabase(pool);
    await stockUp(db);
    await openConnections(pool);
    const ceiling = await measureCommits(pool, seconds);
    await measureOrders(db, seconds, ceiling);
    await measurePicks(db, seconds, ceiling);
    const broken = (await verify(db)).filter((verdict) => verdict.violation_count > 0n);
    console.log(
      broken.length === 0 ? "\nno law is broken" : `\nBROKEN: ${broken.map((law) => law.name).join(", ")}`,
    );
    return broken.length === 0 ? 0 : 1;
  } finally {
    await pool.end();
    await services.stop();
  }
}

/** Opening a connection costs more than what is measured on it. */
async function openConnections(pool: pg.Pool): Promise<void> {
  await Promise.all(Array.from({ length: CONNECTIONS }, () => pool.query("select pg_sleep(0.5)")));
}

/** How often `work` was done in the time, by so many callers at once; `work` says how much it did. */
async function rate(
  callers: number,
  seconds: number,
  work: (caller: number) => Promise<number>,
): Promise<number> {
  const until = performance.now() + seconds * 1000;
  const started = performance.now();
  let done = 0;
  const caller = async (nth: number) => {
    while (performance.now() < until) {
      const units = await work(nth); // before the sum is read: others add to it meanwhile
      done += units;
    }
  };
  await Promise.all(Array.from({ length: callers }, (_, nth) => caller(nth)));
  return (done * 1000) / (performance.now() - started);
}

function print(what: string, perSecond: number, ceiling?: number): void {
  const ratio = ceiling === undefined ? "" : `${(perSecond / ceiling).toFixed(2).padStart(8)} × ceiling`;
  console.log(`  ${what.padEnd(44)}${Math.round(perSecond).toString().padStart(8)}/s${ratio}`);
}

/** The ceiling: one row updated and committed, as fast as this database does it. */
async function measureCommits(pool: pg.Pool, seconds: number): Promise<Map<number, number>> {
  await pool.query("create table bench_rows (id int primary key, n int not null)");
  await pool.query("insert into bench_rows select id, 0 from generate_series(0, 63) as id");
  const ceilings = new Map<number, number>();
  console.log("ceiling: one-row updates, committed");
  for (const callers of [1, 16, 64]) {
    const text = "update bench_rows set n = n + 1 where id = $1";
    const perSecond = await rate(callers, seconds, async (caller) => {
      await pool.query({ name: "bench", text, values: [caller] });
      return 1;
    });
    ceilings.set(callers, perSecond);
    print(`${callers} at once`, perSecond);
  }
  return ceilings;
}

let nextOrder = 1n;

function order(): OrderEvent {
  const id = nextOrder++;
  const eventId = randomUUID();
  const items = [0, 1, 2].map((nth) => ({
    listing_id: BigInt(1 + ((Number(id) * 7 + nth * 131) % LISTINGS)),
    quantity: 1,
    warehouse_id: null,
  }));
  const order = {
    order_id: id,
    storefront_id: 1n,
    order_number: `B-${id}`,
    priority: "normal" as const,
    policy: "backorder" as const,
    ship_to: {},
    items,
  };
  return { kind: "confirmed", eventId, entryId: eventId, order };
}

async function measureOrders(
  db: Database,
  seconds: number,
  ceilings: ReadonlyMap<number, number>,
): Promise<void> {
  console.log("orders of three lines: task, items, reservations, ledger of promises, events");
  for (const [what, callers, batch] of [
    ["one a transaction, 8 at once", 8, 1],
    ["20 a transaction, 2 at once", 2, 20],
    ["100 a transaction, 2 at once", 2, 100],
  ] as const) {
    const perSecond = await rate(callers, seconds, async () => {
      await takeOrderEvents(db, Array.from({ length: batch }, order));
      return batch;
    });
    print(what, perSecond, ceilings.get(16));
  }
}

async function measurePicks(
  db: Database,
  seconds: number,
  ceilings: ReadonlyMap<number, number>,
): Promise<void> {
  console.log("picks of one line: item, task, lot, reservation, order line, ledger, answer, event");
  const { rows } = await sql<{ id: bigint; task_id: bigint }>`
    select id, task_id from picking_task_items where status = 'pending' order by id`.execute(db);
  await openTasks(db);
  const items = rows.values();
  const actor = { role: "operator" as const };
  const next = () => {
    const { value, done } = items.next();
    if (done || !value) return undefined;
    const call = {
      principal: "bench",
      method: "PickItem",
      requestId: randomUUID(),
      bodyHash: Buffer.alloc(32),
    };
    return { call, task_id: value.task_id, item_id: value.id, quantity: 1, actor, pick: { quantity: 1 } };
  };
  const lane = new PickLane(db);
  for (const callers of [1, 16, 64]) {
    const through = async (pick: (request: NonNullable<ReturnType<typeof next>>) => Promise<unknown>) =>
      rate(callers, seconds, async () => {
        const request = next();
        if (request) await pick(request);
        else await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
        return request ? 1 : 0;
      });
    print(
      `${callers} at once, sharing a lane`,
      await through((request) => lane.pick(request)),
      ceilings.get(callers),
    );
    print(
      `${callers} at once, each alone`,
      await through((request) => pickItems(db, [request])),
      ceilings.get(callers),
    );
  }
}
