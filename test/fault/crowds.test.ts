import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Random } from "../../src/cli/demo/random.ts";
import { createDatabase, createPool, type Database } from "../../src/db/database.ts";
import { sqlState } from "../../src/db/out-of-reach.ts";
import type { OrderEvent } from "../../src/domain/order-event.ts";
import { expireReservations } from "../../src/use-cases/inventory/expire-reservations.ts";
import { moveInventory } from "../../src/use-cases/inventory/move-inventory.ts";
import { reserveInventory } from "../../src/use-cases/inventory/reserve-inventory.ts";
import { allocateBackorders } from "../../src/use-cases/orders/allocate-backorders.ts";
import { takeOrderEvents } from "../../src/use-cases/orders/take-order-events.ts";
import { completePickingTask } from "../../src/use-cases/picking/complete-picking-task.ts";
import { createPickingTask } from "../../src/use-cases/picking/create-picking-task.ts";
import { pickItems } from "../../src/use-cases/picking/pick-items.ts";
import { reportShortPick } from "../../src/use-cases/picking/report-short-pick.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { expectLaws, reasonsOf } from "../support/outcomes.ts";
import { makeTask, OPERATOR, pickOf } from "../support/picking.ts";
import { until } from "../support/until.ts";
import {
  cancelled,
  confirmed,
  freshCall,
  makeListings,
  makeWarehouses,
  place,
  type TestItem,
  type TestWarehouse,
} from "../support/world.ts";
import { SEEDS } from "./harness/fault-row.ts";

let test: TestDatabase;
let db: Database;
let house: TestWarehouse;
let nextListing = 1n;
let nextOrder = 600_000n;

beforeAll(async () => {
  test = await testDatabase();
  db = test.db;
  [house] = (await makeWarehouses(db, 1, 10)) as [TestWarehouse];
});
afterAll(() => test.close());

async function listing(units: number): Promise<bigint> {
  const id = nextListing++;
  await makeListings(db, [id]);
  if (units > 0) await place(db, house, id, units);
  return id;
}

/** Deadlocks that the server has had to break in this database. Its processes tell when they end. */
async function deadlocks(): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select deadlocks::int as count from pg_stat_database where datname = current_database()`.execute(db);
  return rows[0]?.count ?? 0;
}

const CLIENTS = 32;
const ACTS = 8;
const SKUS = 20;
/** A lock, or a statement that waited for one, took too long: the crowd was too large for the machine. */
const TOO_LATE = ["55P03", "57014"];

/** One of many at work: whatever locks stock, of three listings in any order. */
class Somebody {
  readonly #db: Database;
  readonly #random: Random;
  readonly #listings: readonly bigint[];

  constructor(own: Database, random: Random, listings: readonly bigint[]) {
    this.#db = own;
    this.#random = random;
    this.#listings = listings;
  }

  /** Says how often it had to wait too long for its turn: that is a crowd, and no deadlock. */
  async work(): Promise<number> {
    let late = 0;
    for (let act = 0; act < ACTS; act++) {
      const [outcome] = await Promise.allSettled([this.#act()]);
      if (outcome.status === "rejected" && TOO_LATE.includes(sqlState(outcome.reason))) late += 1;
      else reasonsOf([outcome]);
    }
    return late;
  }

  #act(): Promise<unknown> {
    const random = this.#random;
    const order_id = nextOrder++;
    const [first] = this.#items() as [TestItem];
    const listings = () => this.#items().map((item) => item.listing_id);
    const acts = [
      () => takeOrderEvents(this.#db, this.#messages()),
      () => takeOrderEvents(this.#db, this.#messages()),
      () => this.#order(order_id),
      () => this.#pick(),
      () => this.#move(),
      () => place(this.#db, house, first.listing_id, 2, { bin: random.below(10), age: random.below(90) }),
      () => allocateBackorders(this.#db, listings()),
      () => this.#hold(order_id, first),
      () => expireReservations(this.#db),
    ];
    return random.pick(acts)();
  }

  /** New orders, and cancellations of earlier ones, whole and in part and for several reasons, as one batch. */
  #messages(): OrderEvent[] {
    const earlier = () => nextOrder - 1n - BigInt(this.#random.below(150));
    const [one] = this.#items() as [TestItem];
    return [
      confirmed(nextOrder++, this.#items()),
      cancelled(earlier()),
      { ...cancelled(earlier()), reason: "fraud" } as OrderEvent,
      confirmed(nextOrder++, this.#items()),
      cancelled(earlier(), [one]),
    ].filter(() => this.#random.chance(0.6));
  }

  #items(): TestItem[] {
    return Array.from({ length: 3 }, () => ({
      listing_id: this.#random.pick(this.#listings),
      quantity: 1 + this.#random.below(2),
    }));
  }

  #order(order_id: bigint) {
    const items = this.#items();
    return createPickingTask(this.#db, freshCall(), {
      order_id,
      warehouse_id: house.id,
      priority: "low",
      items,
    });
  }

  async #hold(order_id: bigint, item: TestItem): Promise<void> {
    const { id } = await reserveInventory(this.#db, freshCall(), {
      ...item,
      warehouse_id: house.id,
      order_id,
      expires_at: null,
    });
    await sql`update wms_reservations set expires_at = now() where hold_id = ${id}`.execute(this.#db);
  }

  async #pick(): Promise<void> {
    const task = await makeTask(this.#db, this.#items(), "in_progress", "partial").catch(() => undefined);
    const [first, ...others] = (task?.items ?? []).map((item) => pickOf(item, 1));
    if (!first) return;
    await pickItems(this.#db, others.toReversed());
    await reportShortPick(this.#db, { ...first, pick: { quantity: 0, short_reason: "not there" } });
    await completePickingTask(this.#db, freshCall(), { task_id: first.task_id, actor: OPERATOR });
  }

  async #move(): Promise<void> {
    const { rows } = await sql<{ id: bigint }>`
      select id from product_locations where available_quantity > 0 order by random() limit 1`.execute(
      this.#db,
    );
    const to_location_id = this.#random.pick(house.bins);
    if (rows[0])
      await moveInventory(this.#db, freshCall(), {
        product_location_id: rows[0].id,
        to_location_id,
        quantity: 1,
      });
  }
}

describe("row 16: a deadlock storm", () => {
  it("that would come is counted", async () => {
    const pool = createPool({ connectionString: test.url });
    const other = createDatabase(pool);
    const before = await deadlocks();
    const ids = [await listing(1), await listing(1)];
    const lock = (first: number) =>
      other.transaction().execute(async (trx) => {
        const one = (nth: number) =>
          sql`select from listings where listing_id = ${ids[nth]} for update`.execute(trx);
        await one(first);
        await sql`select pg_sleep(0.2)`.execute(trx);
        await one(1 - first);
      });
    const outcomes = await Promise.allSettled([lock(0), lock(1)]);
    expect(outcomes.map((outcome) => outcome.status).sort()).toEqual(["fulfilled", "rejected"]);
    await pool.end();
    await until("the server has told", async () => (await deadlocks()) === before + 1);
  });

  it.each(SEEDS)(
    `does not come, of ${CLIENTS} clients with their goods in any order (seed %i)`,
    async (seed) => {
      const listings = await Promise.all(Array.from({ length: SKUS }, () => listing(60)));
      const pool = createPool({ connectionString: test.url, max: CLIENTS });
      const own = createDatabase(pool);
      const before = await deadlocks();
      const late = await Promise.all(
        Array.from({ length: CLIENTS }, (_, nth) =>
          new Somebody(own, new Random(seed * 1_600 + nth), listings).work(),
        ),
      );
      const all = late.reduce((sum, one) => sum + one);
      console.log(`row 16, seed ${seed}: ${all} of ${CLIENTS * ACTS} acts waited too long`);
      await pool.end();
      await until("all have left", async () => {
        const { rows } = await sql<{ count: number }>`select count(*)::int as count from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and application_name = 'warehouse'`.execute(
          db,
        );
        return rows[0]?.count === 0;
      });
      expect((await deadlocks()) - before).toBe(0);
      await expectLaws(db);
    },
  );
});

describe("two lots that are joined while pickers are at both", () => {
  it.each(SEEDS)("make nobody wait for ever (seed %i)", async (seed) => {
    const random = new Random(seed);
    const pool = createPool({ connectionString: test.url });
    const own = createDatabase(pool);
    const before = await deadlocks();
    for (let round = 0; round < 20; round++) {
      const listing_id = await listing(0);
      const lots = [await place(db, house, listing_id, 3), await place(db, house, listing_id, 3, { bin: 1 })];
      const { items } = await makeTask(db, [{ listing_id, quantity: 4 }]);
      const from = random.below(2);
      const outcomes = await Promise.allSettled([
        pickItems(
          own,
          items.map((item) => pickOf(item, 1)),
        ),
        moveInventory(own, freshCall(), {
          product_location_id: lots[from] as bigint,
          to_location_id: house.bins[1 - from] as bigint,
          quantity: 1,
        }),
      ]);
      for (const reason of reasonsOf(outcomes)) expect(reason).toBe("INSUFFICIENT_STOCK");
    }
    await pool.end();
    expect((await deadlocks()) - before).toBe(0);
    await expectLaws(db);
  });
});
