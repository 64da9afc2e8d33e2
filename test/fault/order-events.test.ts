import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Random } from "../../src/cli/demo/random.ts";
import { createDatabase, createPool, type Database } from "../../src/db/database.ts";
import type { OrderEvent } from "../../src/domain/order-event.ts";
import { ORDER_POLICIES } from "../../src/domain/vocabulary.ts";
import { takeOrderEvents } from "../../src/use-cases/orders/take-order-events.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { difference, fingerprint } from "../support/fingerprint.ts";
import { expectLaws } from "../support/outcomes.ts";
import {
  cancelled,
  confirmed,
  makeListings,
  makeWarehouses,
  place,
  type TestItem,
  type TestWarehouse,
} from "../support/world.ts";
import { SEEDS } from "./harness/fault-row.ts";

const ORDERS = 12;
const LISTINGS = 4;
const PERMUTATIONS = 10;

let test: TestDatabase;
let db: Database;
let pools: ReturnType<typeof createPool>[];
/** Two processes that consume. */
let consumers: Database[];
let house: TestWarehouse;
let worlds = 0n;

beforeAll(async () => {
  test = await testDatabase();
  db = test.db;
  pools = [1, 2].map(() => createPool({ connectionString: test.url, max: 5 }));
  consumers = pools.map((pool) => createDatabase(pool));
  [house] = (await makeWarehouses(db)) as [TestWarehouse];
});
afterAll(async () => {
  await Promise.all(pools.map((pool) => pool.end()));
  await test.close();
});

/** Says what happened to which of some orders, in the numbers of one world: each has orders and goods of its own. */
type Message = (world: bigint) => OrderEvent;

function shift(world: bigint, id: bigint): bigint {
  return world * 1_000n + id;
}

/** What a morning brings: most orders are confirmed, some cancelled whole, many in part, also for more than there is. */
function messagesOf(random: Random): Message[] {
  return Array.from({ length: ORDERS }, (_, nth) => BigInt(nth + 1)).flatMap((order_id) => {
    const items = Array.from({ length: 1 + random.below(3) }, () => someOf(random, 5));
    const policy = random.pick(ORDER_POLICIES);
    const confirms: Message[] = random.chance(0.9)
      ? [(world) => confirmed(shift(world, order_id), inWorld(world, items), policy)]
      : [];
    const whole: Message[] = random.chance(0.2) ? [(world) => cancelled(shift(world, order_id))] : [];
    const parts = Array.from({ length: random.below(4) }, (): Message => {
      const some = random.chance(0.8)
        ? [{ ...random.pick(items), quantity: 1 + random.below(3) }]
        : [someOf(random, 2)];
      return (world) => cancelled(shift(world, order_id), inWorld(world, some));
    });
    return [...confirms, ...whole, ...parts];
  });
}

function someOf(random: Random, most: number): TestItem {
  return { listing_id: BigInt(1 + random.below(LISTINGS)), quantity: 1 + random.below(most) };
}

function inWorld(world: bigint, items: readonly TestItem[]): TestItem[] {
  return items.map((item) => ({ ...item, listing_id: shift(world, item.listing_id) }));
}

/** With `small` lots, which goods an order gets depends on which came first. */
async function newWorld(small = true): Promise<bigint> {
  const world = ++worlds;
  const listings = Array.from({ length: LISTINGS }, (_, nth) => shift(world, BigInt(nth + 1)));
  await makeListings(db, listings);
  // Older goods lie later on the route: the first line of an order is often not its first stop.
  for (const listing of listings) {
    for (const bin of small ? [4, 3, 2, 1] : []) await place(db, house, listing, 9, { bin, age: 10 * bin });
    await place(db, house, listing, 1_000, { bin: 0, age: 1 });
  }
  return world;
}

function shuffled<T>(list: readonly T[], random: Random): T[] {
  return list
    .map((value) => ({ value, at: random.next() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ value }) => value);
}

/** Batches of any size, taken by whichever consumer is free. */
async function consume(events: readonly OrderEvent[], random: Random): Promise<void> {
  const queue = [...events];
  const sizes = consumers.map((_, nth) => new Random(random.below(1_000_000) + nth));
  await Promise.all(
    consumers.map(async (consumer, nth) => {
      while (queue.length > 0)
        await takeOrderEvents(consumer, queue.splice(0, 1 + (sizes[nth]?.below(8) ?? 0)));
    }),
  );
}

/** What became of a world, in words that are the same for each. */
async function stateOf(world: bigint): Promise<unknown> {
  const base = shift(world, 0n);
  const { rows: orders } = await sql<Record<string, unknown>>`
    select (o.order_id - ${base})::int as order_id, o.status, o.confirmed_at is not null as confirmed,
      (select json_agg(json_build_array(line_number, listing_id - ${base}, quantity, cancelled_quantity,
         allocated_quantity, shortage_quantity) order by line_number) from order_items i where i.order_id = o.order_id) as lines,
      array(select status from fulfillments f where f.order_id = o.order_id and status <> 'cancelled') as fulfillments,
      (select json_agg(picks order by picks::text) from (
        select json_build_array(order_item_id - min(order_item_id) over (), sum(quantity_required)) as picks
        from picking_task_items item join picking_tasks task on task.id = item.task_id and task.status <> 'cancelled'
        where task.order_id = o.order_id group by order_item_id having sum(quantity_required) > 0) walk) as picks
    from orders o where o.order_id between ${base} and ${base + 999n} order by o.order_id`.execute(db);
  const { rows: stock } = await sql<Record<string, unknown>>`
    select (listing_id - ${base})::int as listing_id, sum(quantity)::int as quantity, sum(reserved_quantity)::int as reserved
    from product_locations where listing_id between ${base} and ${base + 999n} group by listing_id order by 1`.execute(
    db,
  );
  return { orders, stock };
}

describe.each(SEEDS)("row 34: messages about orders, in any order (seed %i)", (seed) => {
  it(`lead to one state: ${PERMUTATIONS} permutations, in batches of any size, by two consumers`, async () => {
    const random = new Random(seed * 34);
    const messages = messagesOf(random);
    const first = await newWorld();
    await takeOrderEvents(
      db,
      messages.map((message) => message(first)),
    );
    const expected = await stateOf(first);
    for (let nth = 0; nth < PERMUTATIONS; nth++) {
      const world = await newWorld();
      const events = shuffled(
        messages.map((message) => message(world)),
        random,
      );
      await consume(events, random);
      expect(await stateOf(world), `permutation ${nth}`).toEqual(expected);
    }
    await expectLaws(db);
  });
});

describe.each(SEEDS)("row 35: each message five times, at once (seed %i)", (seed) => {
  it("has the effect of one", async () => {
    const random = new Random(seed * 35);
    const messages = messagesOf(random);
    const once = await newWorld();
    const single = await effectsOf(() =>
      takeOrderEvents(
        db,
        messages.map((message) => message(once)),
      ),
    );
    expect(single["processed_events.rows"]).toBe(messages.length);
    for (let round = 0; round < 4; round++) {
      const world = await newWorld();
      const events = messages.map((message) => message(world));
      await effectsOf(() =>
        consume(shuffled(Array.from({ length: 5 }, () => events).flat(), random), random),
      );
      expect(await stateOf(world)).toEqual(await stateOf(once));
    }
  });

  it("leaves what one leaves, also in what is told to others", async () => {
    const random = new Random(seed * 35);
    const confirmations = messagesOf(random).filter((message) => message(0n).kind === "confirmed");
    const take = async (copies: number) => {
      const world = await newWorld(false);
      const events = confirmations.map((message) => message(world));
      const all = Array.from({ length: copies }, () => events).flat();
      return effectsOf(() => consume(copies === 1 ? all : shuffled(all, random), random));
    };
    expect(await take(5)).toEqual(await take(1));
    await expectLaws(db);
  });
});

async function effectsOf(work: () => Promise<unknown>) {
  const before = await fingerprint(db);
  await work();
  return difference(before, await fingerprint(db));
}
