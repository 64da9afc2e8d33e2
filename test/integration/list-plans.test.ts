import { type CompiledQuery, sql } from "kysely";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Database } from "../../src/db/database.ts";
import { listMovementViews, type MovementFilter } from "../../src/db/inventory-views.ts";
import {
  type FulfillmentFilter,
  listFulfillmentViews,
  listOrderKeys,
  type OrderFilter,
} from "../../src/db/order-views.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { makeListings, makeWarehouses } from "../support/world.ts";

const PAGE = { size: 50, after: 0n };
const FAR = { size: 50, after: 15_000n };
const ROWS = 30_000;
const BATCH = 5_000;

let test: TestDatabase;
let db: Database;

beforeAll(async () => {
  test = await testDatabase();
  db = test.db;
  await makeWarehouses(db, 2);
  await makeListings(
    db,
    Array.from({ length: 100 }, (_, nth) => BigInt(nth + 1)),
  );
  await sql`
    insert into product_locations (listing_id, warehouse_id, location_id, quantity, for_sale, received_at)
    select nth, 1, (select id from locations where kind = 'bin' limit 1), 600, true, now()
    from generate_series(1, 100) nth`.execute(db);
  for (let first = 1; first < ROWS; first += BATCH) await fill(first, first + BATCH - 1);
  await sql`analyze orders, fulfillments, inventory_movements, product_locations`.execute(db);
});
afterAll(() => test.close());

/** Ids run against the order of arrival, and the few that wait are the oldest: the worst of both for a guess. */
async function fill(first: number, last: number): Promise<void> {
  await sql`
    insert into orders (order_id, storefront_id, order_number, status, confirmed_at)
    select 100001 - nth, 1, 'N-' || nth, case when nth <= 500 then 'confirmed' else 'delivered' end, now()
    from generate_series(${first}::int, ${last}::int) nth order by nth`.execute(db);
  await sql`
    insert into fulfillments (order_id, warehouse_id, status)
    select 100001 - nth, 1, case when nth <= 500 then 'planning' else 'completed' end
    from generate_series(${first}::int, ${last}::int) nth order by nth`.execute(db);
  await sql`
    insert into inventory_movements (listing_id, warehouse_id, quantity, from_place, to_place, to_product_location_id,
      reason, order_id)
    select lot.listing_id, 1, 1, 'supplier', 'shelf', lot.id, 'place', case when nth % 3 = 0 then nth end
    from generate_series(${first}::int, ${last}::int) nth join product_locations lot on lot.listing_id = nth % 100 + 1
    order by nth`.execute(db);
}

/** The plans of whatever `ask` asks the database. */
async function plansOf(ask: (db: Database) => Promise<unknown>): Promise<string> {
  const asked: CompiledQuery[] = [];
  const watched = db.withPlugin({
    transformQuery: ({ node, queryId }) => {
      asked.push(db.getExecutor().compileQuery(node, queryId));
      return node;
    },
    transformResult: async ({ result }) => result,
  });
  await ask(watched);
  expect(asked.length).toBeGreaterThan(0);
  const plans = asked.map(async ({ sql: text, parameters }) => {
    const { rows } = await test.pool.query(`explain ${text}`, [...parameters]);
    return rows.map((row: { "QUERY PLAN": string }) => row["QUERY PLAN"]).join("\n");
  });
  return (await Promise.all(plans)).join("\n\n");
}

/** A page is read off an index from its end: nothing is sorted or read whole, but what belongs to each row. */
function expectBackwards(plans: string, index: string): void {
  const [page] = plans.split("SubPlan");
  expect(page).toMatch(new RegExp(`Index Scan Backward using ${index}`));
  expect(page).not.toMatch(/Sort {2}|Seq Scan/);
}

const everyOrder: OrderFilter = { statuses: [] };
const everyFulfillment: FulfillmentFilter = { statuses: [] };

it.each<[string, OrderFilter, typeof PAGE, string]>([
  ["all", everyOrder, PAGE, "orders_arrival_key"],
  ["a page in the middle", everyOrder, FAR, "orders_arrival_key"],
  ["a storefront's", { ...everyOrder, storefront_id: 1n }, FAR, "orders_arrival_key"],
  ["those of a common status", { statuses: ["delivered"] }, FAR, "orders_(arrival_key|status_arrival_idx)"],
  ["the few of a rare status", { statuses: ["confirmed"] }, PAGE, "orders_status_arrival_idx"],
])("reads a page of orders off an index: %s", async (_name, filter, page, index) => {
  expectBackwards(await plansOf((watched) => listOrderKeys(watched, filter, page)), index);
});

it.each<[string, FulfillmentFilter, typeof PAGE, string]>([
  ["all", everyFulfillment, PAGE, "fulfillments_pkey"],
  ["a page in the middle", everyFulfillment, FAR, "fulfillments_pkey"],
  [
    "a warehouse's of a rare status",
    { warehouse_id: 1n, statuses: ["planning"] },
    PAGE,
    "fulfillments_warehouse_idx",
  ],
])("reads a page of fulfillments off an index: %s", async (_name, filter, page, index) => {
  expectBackwards(await plansOf((watched) => listFulfillmentViews(watched, filter, page)), index);
});

it("finds the fulfillments of an order by its index", async () => {
  const plans = await plansOf((watched) =>
    listFulfillmentViews(watched, { order_id: 80_000n, statuses: [] }, PAGE),
  );
  expect(plans).toContain("fulfillments_order_idx");
});

it.each<[string, MovementFilter, typeof PAGE, string]>([
  ["all", {}, PAGE, "inventory_movements_pkey"],
  ["a page in the middle", { warehouse_id: 1n }, FAR, "inventory_movements_pkey"],
  ["a listing's", { listing_id: 7n }, FAR, "inventory_movements_listing_idx"],
])("reads a page of the ledger off an index: %s", async (_name, filter, page, index) => {
  expectBackwards(await plansOf((watched) => listMovementViews(watched, filter, page)), index);
});

it.each<[string, MovementFilter, string]>([
  ["a lot's, by its listing's", { product_location_id: 7n }, "inventory_movements_listing_idx"],
  ["an order's", { order_id: 900n }, "inventory_movements_order_idx"],
])("finds rows of the ledger by an index: %s", async (_name, filter, index) => {
  const plans = await plansOf((watched) => listMovementViews(watched, filter, PAGE));
  expect(plans).toContain(index);
  expect(plans).not.toContain("Seq Scan on inventory_movements");
});
