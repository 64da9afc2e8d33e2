import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Random } from "../../src/cli/demo/random.ts";
import type { Database } from "../../src/db/database.ts";
import { expireReservations } from "../../src/use-cases/inventory/expire-reservations.ts";
import { releaseReservation } from "../../src/use-cases/inventory/release-reservation.ts";
import { reserveInventory } from "../../src/use-cases/inventory/reserve-inventory.ts";
import { takeOrderEvents } from "../../src/use-cases/orders/take-order-events.ts";
import { shipPackingTask } from "../../src/use-cases/packing/ship-packing-task.ts";
import { createPickingTask } from "../../src/use-cases/picking/create-picking-task.ts";
import { PickLane } from "../../src/use-cases/picking/pick-lane.ts";
import { together } from "../support/barrier.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { expectLaws, reasonsOf } from "../support/outcomes.ts";
import { packWhole, pickedOrder } from "../support/parcels.ts";
import { makeTask, OPERATOR, pickOf } from "../support/picking.ts";
import {
  cancelled,
  confirmed,
  freshCall,
  makeListings,
  makeWarehouses,
  place,
  stockOf,
  type TestWarehouse,
} from "../support/world.ts";
import { SEEDS } from "./harness/fault-row.ts";

const ROUNDS = 8;
const HELD = 5;

let test: TestDatabase;
let db: Database;
let house: TestWarehouse;
let nextListing = 1n;
let nextOrder = 700_000n;

beforeAll(async () => {
  test = await testDatabase();
  db = test.db;
  [house] = (await makeWarehouses(db)) as [TestWarehouse];
});
afterAll(() => test.close());

interface Hold {
  listing_id: bigint;
  order_id: bigint;
  reservation_id: bigint;
}

async function listing(units: number): Promise<bigint> {
  const id = nextListing++;
  await makeListings(db, [id]);
  await place(db, house, id, units);
  return id;
}

/** All five units of a listing are held for an order, and the time is up. */
async function wholeHold(): Promise<Hold> {
  return expiredHold({ listing_id: await listing(HELD), order_id: nextOrder++, quantity: HELD });
}

async function expiredHold({
  listing_id,
  order_id,
  quantity,
}: Omit<Hold, "reservation_id"> & { quantity: number }): Promise<Hold> {
  const wanted = { listing_id, warehouse_id: house.id, quantity, order_id, expires_at: null };
  const { id } = await reserveInventory(db, freshCall(), wanted);
  await sql`update wms_reservations set expires_at = now() - interval '1 second'
    where hold_id = ${id}`.execute(db);
  return { listing_id, order_id, reservation_id: id };
}

interface Rival {
  name: string;
  race: (hold: Hold) => Promise<unknown>;
  /** Units reserved in the end, whoever was first. */
  reserved: number;
  /** What it may be refused with. */
  refusals?: string[];
}

const RIVALS: Rival[] = [
  {
    name: "its release",
    race: ({ reservation_id }) =>
      releaseReservation(db, freshCall(), { reservation_id, reason: "not needed" }),
    reserved: 0,
    refusals: ["ILLEGAL_TRANSITION"],
  },
  {
    name: "the order's confirmation",
    race: ({ order_id, listing_id }) =>
      takeOrderEvents(db, [confirmed(order_id, [{ listing_id, quantity: HELD }])]),
    reserved: HELD,
  },
  {
    name: "a picking task for the order",
    race: ({ order_id, listing_id }) =>
      createPickingTask(db, freshCall(), {
        order_id,
        warehouse_id: house.id,
        priority: "normal",
        items: [{ listing_id, quantity: HELD }],
      }),
    reserved: HELD,
  },
  {
    name: "the order's cancellation",
    race: ({ order_id }) => takeOrderEvents(db, [cancelled(order_id)]),
    reserved: 0,
  },
  { name: "another sweep", race: () => expireReservations(db), reserved: 0 },
];

describe.each(SEEDS)("row 37: a hold's time is up (seed %i) just in the moment of", (seed) => {
  const random = new Random(seed * 37);

  it.each(RIVALS)("$name: its units are given back once", async ({ race, reserved, refusals = [] }) => {
    const lost = new Set<string>();
    for (let round = 0; round < ROUNDS; round++) {
      const hold = await wholeHold();
      const racers = [() => expireReservations(db), () => race(hold)];
      const order = random.chance(0.5) ? racers : racers.toReversed();
      const outcomes = await together(test.url, [{ table: "listings", ids: [hold.listing_id] }], order);
      for (const reason of reasonsOf(outcomes)) lost.add(reason);
      expect(await stockOf(db, hold.listing_id)).toEqual({ quantity: HELD, reserved });
      const { rows } = await sql`select status, sum(released_quantity)::int as released from wms_reservations
        where hold_id = ${hold.reservation_id} group by status`.execute(db);
      expect(rows).toEqual([{ status: "cancelled", released: HELD }]);
    }
    for (const reason of lost) expect(refusals).toContain(reason);
    await expectLaws(db);
  });

  it("the order's departure: its units are given back once", async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const listing_id = await listing(HELD);
      const order_id = nextOrder++;
      const picked = await pickedOrder(db, order_id, [{ listing_id, quantity: 1 }]);
      const { id: task_id } = await packWhole(db, picked);
      await expiredHold({ listing_id, order_id, quantity: HELD - 1 });
      const parcel = { task_id, carrier_code: "mock", tracking_number: `T${task_id}`, actor: OPERATOR };
      const ship = () => shipPackingTask(db, freshCall(), parcel);
      const racers: (() => Promise<unknown>)[] = [() => expireReservations(db), ship];
      const order = random.chance(0.5) ? racers : racers.toReversed();
      const outcomes = await together(test.url, [{ table: "listings", ids: [listing_id] }], order);
      expect(reasonsOf(outcomes)).toEqual([]);
      expect(await stockOf(db, listing_id)).toEqual({ quantity: HELD - 1, reserved: 0 });
    }
    await expectLaws(db);
  });

  it("a pick from the same lot: both are right", async () => {
    const lane = new PickLane(db);
    for (let round = 0; round < ROUNDS; round++) {
      const hold = await wholeHold();
      await place(db, house, hold.listing_id, 2);
      const task = await makeTask(db, [{ listing_id: hold.listing_id, quantity: 2 }]);
      const [item] = task.items as [(typeof task.items)[number]];
      const outcomes = await Promise.allSettled([expireReservations(db), lane.pick(pickOf(item, 2))]);
      expect(reasonsOf(outcomes)).toEqual([]);
      expect(await stockOf(db, hold.listing_id)).toEqual({ quantity: HELD, reserved: 0 });
    }
    await expectLaws(db);
  });
});
