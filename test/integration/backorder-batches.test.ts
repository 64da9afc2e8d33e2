import { Logger, runTaskListOnce } from "graphile-worker";
import { sql } from "kysely";
import pg from "pg";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Database } from "../../src/db/database.ts";
import { addToLots, lockListings } from "../../src/db/stock.ts";
import { inTransaction } from "../../src/db/transaction.ts";
import { verify } from "../../src/use-cases/maintenance/verify.ts";
import { allocateBackorders } from "../../src/use-cases/orders/allocate-backorders.ts";
import { takeOrderEvents } from "../../src/use-cases/orders/take-order-events.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { until } from "../support/until.ts";
import {
  confirmed,
  makeListings,
  makeWarehouses,
  place,
  type TestItem,
  type TestWarehouse,
} from "../support/world.ts";

const QUIET = new Logger(() => () => {});
const LISTING = 100n;
/** More than one transaction may serve. */
const MANY = 650;

let test: TestDatabase;
let db: Database;
let near: TestWarehouse;
let far: TestWarehouse;
let nextOrder = 1n;

beforeEach(async () => {
  test = await testDatabase();
  db = test.db;
  [near, far] = (await makeWarehouses(db, 2)) as [TestWarehouse, TestWarehouse];
  await makeListings(db, [LISTING]);
});
afterEach(() => test.close());

/** Orders that find nothing there, in order of arrival. */
async function wait(count: number, item: Partial<TestItem> = {}): Promise<bigint[]> {
  const ids = Array.from({ length: count }, () => nextOrder++);
  for (let from = 0; from < count; from += 250) {
    const some = ids.slice(from, from + 250);
    const items = [{ listing_id: LISTING, quantity: 1, ...item }];
    await takeOrderEvents(
      db,
      some.map((order_id) => confirmed(order_id, items)),
    );
  }
  return ids;
}

/** Does the jobs as they come, until there is none; says how many units each served. */
async function work(): Promise<number[]> {
  const served: number[] = [];
  const queue = new pg.Pool({ connectionString: test.url, max: 1 });
  const client = await queue.connect();
  const serve = async (payload: unknown) => {
    const { listing_ids } = payload as { listing_ids: string[] };
    served.push(await allocateBackorders(db, listing_ids.map(BigInt)));
  };
  await runTaskListOnce({ logger: QUIET }, { allocate_backorders: serve }, client);
  client.release();
  await queue.end();
  return served;
}

async function jobs(): Promise<number> {
  const { rows } =
    await sql`select from graphile_worker.jobs where task_identifier = 'allocate_backorders'`.execute(db);
  return rows.length;
}

async function stillWaiting(): Promise<bigint[]> {
  const { rows } = await sql<{ order_id: bigint }>`
    select distinct order_id from order_items where shortage_quantity > 0 order by order_id`.execute(db);
  return rows.map((row) => row.order_id);
}

async function broken(): Promise<string[]> {
  return (await verify(db)).filter((law) => law.violation_count > 0n).map((law) => law.name);
}

it("serves a crowd that waits in transactions of a bounded size, oldest first over the whole", async () => {
  const ids = await wait(2 * MANY);
  const stock = 2 * MANY - 100;
  await place(db, near, LISTING, stock);
  const served = await work();
  expect(Math.max(...served)).toBeLessThanOrEqual(500);
  expect(served.reduce((sum, units) => sum + units, 0)).toBe(stock);
  expect(await stillWaiting()).toEqual(ids.slice(stock));
  expect(await jobs()).toBe(0);
  expect(await broken()).toEqual([]);
});

it("does not let those at the front that can't be served keep the others waiting, nor ask for them for ever", async () => {
  const pinned = await wait(MANY, { warehouse_id: far.id });
  await wait(3);
  await place(db, near, LISTING, 5);
  expect(await work()).toEqual([3]);
  expect(await stillWaiting()).toEqual(pinned);
  expect(await allocateBackorders(db, [LISTING])).toBe(0);
  expect(await jobs()).toBe(0);
});

it("gives nobody what has just come for an older one", async () => {
  const [older] = await wait(1, { warehouse_id: far.id });
  const [younger] = await wait(1, { quantity: 2 });
  await place(db, near, LISTING, 1);
  let serving: Promise<number> | undefined;
  await inTransaction(db, async (trx) => {
    await lockListings(trx, [LISTING]);
    serving = allocateBackorders(db, [LISTING]); // it has seen the younger one only, whom the near stock can serve
    await until("it waits for the listing", async () => {
      const { rows } = await sql`select from pg_locks where not granted`.execute(db);
      return rows.length > 0;
    });
    const place = { listing_id: LISTING, warehouse_id: far.id, location_id: far.bins[0] as bigint };
    const lot = { quantity: 1, received_at: null, lot_code: null, expires_on: null, for_sale: true };
    await addToLots(trx, [{ ...place, ...lot }]);
  });
  await serving;
  await work();
  expect(await stillWaiting()).toEqual([younger]);
  const { rows } = await sql`
    select order_id, warehouse_id from wms_reservations where status = 'pending' order by order_id`.execute(
    db,
  );
  expect(rows).toEqual([
    { order_id: older, warehouse_id: far.id },
    { order_id: younger, warehouse_id: near.id },
  ]);
});
