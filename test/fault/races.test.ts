import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Random } from "../../src/cli/demo/random.ts";
import { createDatabase, createPool, type Database } from "../../src/db/database.ts";
import type { PickingTaskView } from "../../src/db/picking-views.ts";
import { cancelOrder } from "../../src/use-cases/orders/cancel-order.ts";
import { takeOrderEvents } from "../../src/use-cases/orders/take-order-events.ts";
import { cancelPackingTask } from "../../src/use-cases/packing/cancel-packing-task.ts";
import { completePackingTask } from "../../src/use-cases/packing/complete-packing-task.ts";
import { packItem } from "../../src/use-cases/packing/pack-item.ts";
import { setPackageDetails } from "../../src/use-cases/packing/set-package-details.ts";
import { shipPackingTask } from "../../src/use-cases/packing/ship-packing-task.ts";
import { cancelPickingTask } from "../../src/use-cases/picking/cancel-picking-task.ts";
import { completePickingTask } from "../../src/use-cases/picking/complete-picking-task.ts";
import { PickLane } from "../../src/use-cases/picking/pick-lane.ts";
import type { PickRequest } from "../../src/use-cases/picking/pick-request.ts";
import { reportShortPick } from "../../src/use-cases/picking/report-short-pick.ts";
import { skipPickingItem } from "../../src/use-cases/picking/skip-picking-item.ts";
import { type Held, together } from "../support/barrier.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { expectLaws, reasonsOf } from "../support/outcomes.ts";
import { BOX, OPERATOR, packWhole, pickedOrder, startPacking } from "../support/parcels.ts";
import { makeTask, pickOf, WORKER, worker } from "../support/picking.ts";
import { cancelled, freshCall, makeListings, makeWarehouses, place } from "../support/world.ts";
import { SEEDS } from "./harness/fault-row.ts";

const RUNS = 200;
/** So many races are run side by side. */
const AT_ONCE = 8;
const UNITS = 3;
const ITEMS = [{ listing_id: 1n, quantity: UNITS }];
const actor = OPERATOR;

let test: TestDatabase;
let pool: ReturnType<typeof createPool>;
let db: Database;
let lanes: PickLane[];
let nextOrder = 800_000n;

beforeAll(async () => {
  test = await testDatabase();
  pool = createPool({ connectionString: test.url, max: 2 * AT_ONCE });
  db = createDatabase(pool);
  lanes = [new PickLane(db), new PickLane(db)]; // as in two processes
  const [house] = await makeWarehouses(db);
  await makeListings(db, [1n]);
  if (house) await place(db, house, 1n, 1_000_000);
});
afterAll(async () => {
  await pool.end();
  await test.close();
});

type Move = () => Promise<unknown>;

/** An order, and what somebody is about to do with it. */
interface Stage {
  order_id: bigint;
  move: Move;
  cancelTask: Move;
  held: Held;
}

function pickingStage({ id: task_id, order_id }: PickingTaskView, table: Held["table"], move: Move): Stage {
  const cancelTask = () => cancelPickingTask(db, freshCall(), { task_id, reason: "test" });
  return { order_id, move, cancelTask, held: { table, ids: [table === "orders" ? order_id : task_id] } };
}

function packingStage(order_id: bigint, task_id: bigint, table: Held["table"], move: Move): Stage {
  const cancelTask = () => cancelPackingTask(db, freshCall(), { task_id, reason: "test" });
  return { order_id, move, cancelTask, held: { table, ids: [table === "orders" ? order_id : task_id] } };
}

const STAGES = {
  async pick() {
    const task = await makeTask(db, ITEMS);
    const [item] = task.items as [(typeof task.items)[number]];
    return pickingStage(task, "picking_tasks", () => lanes[0]!.pick(pickOf(item, UNITS)));
  },
  async "complete picking"() {
    const task = await makeTask(db, ITEMS);
    const [item] = task.items as [(typeof task.items)[number]];
    await lanes[0]!.pick(pickOf(item, UNITS));
    return pickingStage(task, "orders", () =>
      completePickingTask(db, freshCall(), { task_id: task.id, actor }),
    );
  },
  async "start packing"() {
    const order_id = nextOrder++;
    const task_id = await pickedOrder(db, order_id, ITEMS);
    return packingStage(order_id, task_id, "orders", () => startPacking(db, task_id));
  },
  async "pack an item"() {
    const { order_id, task_id } = await openParcel();
    const { rows } = await sql<{ id: bigint }>`
      select id from packing_task_items where task_id = ${task_id}`.execute(db);
    const item_id = rows[0]?.id as bigint;
    return packingStage(order_id, task_id, "packing_tasks", () =>
      packItem(db, freshCall(), { task_id, item_id, quantity: 1, actor }),
    );
  },
  async "complete packing"() {
    const { order_id, task_id } = await openParcel();
    await setPackageDetails(db, freshCall(), { task_id, ...BOX, actor });
    return packingStage(order_id, task_id, "orders", () =>
      completePackingTask(db, freshCall(), { task_id, actor }),
    );
  },
  async ship() {
    const order_id = nextOrder++;
    const { id: task_id } = await packWhole(db, await pickedOrder(db, order_id, ITEMS));
    const input = { task_id, carrier_code: "mock", tracking_number: `T${task_id}`, actor };
    return packingStage(order_id, task_id, "orders", () => shipPackingTask(db, freshCall(), input));
  },
} satisfies Record<string, () => Promise<Stage>>;

async function openParcel(): Promise<{ order_id: bigint; task_id: bigint }> {
  const order_id = nextOrder++;
  const task_id = await pickedOrder(db, order_id, ITEMS);
  await startPacking(db, task_id);
  return { order_id, task_id };
}

const CANCELS = {
  "by an event": ({ order_id }: Stage) => takeOrderEvents(db, [cancelled(order_id)]),
  "by a call": ({ order_id }: Stage) => cancelOrder(db, freshCall(), { order_id, reason: "test", items: [] }),
  "with its task": ({ cancelTask }: Stage) => cancelTask(),
};

interface Ending {
  order_id: bigint;
  order: string;
  /** Whatever of it is neither cancelled nor, of picking tasks, completed. */
  alive: string[];
  reserved: number;
  in_packing: number;
  gone: number;
}

async function endingsOf(order_ids: readonly bigint[]): Promise<Map<bigint, Ending>> {
  const { rows } = await sql<Ending>`
    select o.order_id, o.status as order,
      array(select status from fulfillments where order_id = o.order_id and status <> 'cancelled'
        union all select status from picking_tasks where order_id = o.order_id and status not in ('cancelled', 'completed')
        union all select status from packing_tasks where order_id = o.order_id and status <> 'cancelled'
        union all select status from shipments where order_id = o.order_id and status <> 'cancelled') as alive,
      (select coalesce(sum(open_quantity), 0)::int from wms_reservations
        where order_id = o.order_id and status = 'pending') as reserved,
      (select coalesce(sum(case when to_place = 'packing' then quantity else -quantity end), 0)::int
        from inventory_movements where order_id = o.order_id and 'packing' in (from_place, to_place)) as in_packing,
      (select coalesce(sum(quantity), 0)::int from inventory_movements
        where order_id = o.order_id and to_place = 'customer') as gone
    from orders o where o.order_id = any(${order_ids}::bigint[])`.execute(db);
  return new Map(rows.map((row) => [row.order_id, row]));
}

const DEAD = { order: "cancelled", alive: [], reserved: 0, in_packing: 0, gone: 0 };
const SHIPPED = {
  order: "shipped",
  alive: ["shipped", "shipped", "shipped"],
  reserved: 0,
  in_packing: 0,
  gone: UNITS,
};

/** One race: who came through, and what became of the order. */
function expectOneEnd(moved: boolean, cancelledIt: boolean, ending: Ending, stage: string, by: string): void {
  const { order_id: _, ...end } = ending;
  const told = `${stage}, cancelled ${by}: moved ${moved}, cancelled ${cancelledIt}`;
  if (stage === "ship" && moved) return expect(end, told).toEqual(SHIPPED);
  if (cancelledIt) return expect(end, told).toEqual(DEAD);
  expect([moved, by], told).toEqual([true, "with its task"]); // which was completed just before
  expect(end.alive.length, told).toBeGreaterThan(0);
}

describe.each(SEEDS)("row 38: a cancellation comes just when somebody goes on (seed %i)", (seed) => {
  it(`${RUNS} races: each order has one end`, async () => {
    const random = new Random(seed * 38);
    const wins: Record<string, number> = {};
    for (let run = 0; run < RUNS; run += AT_ONCE) {
      const plans = Array.from({ length: AT_ONCE }, () => ({
        name: random.pick(Object.keys(STAGES) as (keyof typeof STAGES)[]),
        by: random.pick(Object.keys(CANCELS) as (keyof typeof CANCELS)[]),
        moveFirst: random.chance(0.5),
      }));
      const races = await Promise.all(
        plans.map(async (plan) => ({ ...plan, stage: (await STAGES[plan.name]()) as Stage })),
      );
      const racers = races.flatMap(({ stage, by, moveFirst }) => {
        const both = [stage.move, () => CANCELS[by](stage)];
        return moveFirst ? both : both.toReversed();
      });
      const outcomes = await together(
        test.url,
        races.map(({ stage }) => stage.held),
        racers,
      );
      for (const reason of reasonsOf(outcomes)) expect(reason).toBe("ILLEGAL_TRANSITION");
      const endings = await endingsOf(races.map(({ stage }) => stage.order_id));
      races.forEach(({ name, by, moveFirst, stage }, nth) => {
        const [first, second] = outcomes
          .slice(2 * nth, 2 * nth + 2)
          .map(({ status }) => status === "fulfilled");
        const [moved, ended] = (moveFirst ? [first, second] : [second, first]) as [boolean, boolean];
        expectOneEnd(moved, ended, endings.get(stage.order_id) as Ending, name, by);
        const winner = `${name}: ${moved ? "done" : "refused"}`;
        wins[winner] = (wins[winner] ?? 0) + 1;
      });
    }
    console.log(`row 38, seed ${seed}:`, wins);
    await expectLaws(db);
  });
});

type Scan = (request: PickRequest, lane: PickLane) => Promise<unknown>;

const pick =
  (quantity: number, short_reason?: string): Scan =>
  (request, lane) => {
    const wanted = {
      ...request,
      pick: { quantity, ...(short_reason === undefined ? {} : { short_reason }) },
    };
    return short_reason === undefined ? lane.pick(wanted) : reportShortPick(db, wanted);
  };
const skip: Scan = ({ call, task_id, item_id, actor }) =>
  skipPickingItem(db, call, { task_id, item_id, reason: "blocked", actor });

/** Two scans of one item of three units, and how many units may have been picked when one of them was refused. */
const TWINS: { name: string; scans: [Scan, Scan]; picked: number[] }[] = [
  { name: "pick all of it", scans: [pick(3), pick(3)], picked: [3] },
  { name: "pick more than is left for the other", scans: [pick(2), pick(2)], picked: [2] },
  { name: "pick it and skip it", scans: [pick(3), skip], picked: [3, 0] },
  { name: "pick it and miss some of it", scans: [pick(3), pick(1, "not there")], picked: [3, 1] },
  { name: "both miss some of it", scans: [pick(1, "not there"), pick(2, "not there")], picked: [1, 2] },
];

describe("row 39: two scanners at one item of one task", () => {
  it.each(TWINS)("$name: one does, the other is told what the item is by now", async ({ scans, picked }) => {
    const tasks = await Promise.all(Array.from({ length: AT_ONCE }, () => makeTask(db, ITEMS)));
    const requests = tasks.map(({ items }) => pickOf(items[0] as { id: bigint; task_id: bigint }, UNITS));
    const racers = requests.flatMap((request, nth) => {
      const call = () => ({ ...request, call: freshCall(), actor: worker(WORKER) });
      const both = scans.map((scan, hand) => () => scan(call(), lanes[hand] as PickLane));
      return nth % 2 === 0 ? both : both.toReversed();
    });
    const outcomes = await together(
      test.url,
      [{ table: "picking_tasks", ids: tasks.map(({ id }) => id) }],
      racers,
    );
    const reasons = reasonsOf(outcomes);
    expect(reasons).toHaveLength(AT_ONCE);
    for (const reason of reasons) expect(["ILLEGAL_TRANSITION", "QUANTITY_EXCEEDED"]).toContain(reason);
    const { rows } = await sql<{ picked: number; moved: number }>`
      select quantity_picked as picked, (select coalesce(sum(quantity), 0)::int from inventory_movements
        where reference = 'picking_task_item:' || item.id and to_place = 'packing') as moved
      from picking_task_items item where id = any(${requests.map(({ item_id }) => item_id)}::bigint[])`.execute(
      db,
    );
    for (const row of rows) {
      expect(picked).toContain(row.picked);
      expect(row.moved).toBe(row.picked);
    }
    await expectLaws(db);
  });

  it("of two workers: the task is one's, and the other is told so", async () => {
    const { items } = await makeTask(db, ITEMS);
    const request = pickOf(items[0] as { id: bigint; task_id: bigint }, UNITS);
    const hands = [WORKER, WORKER + 1n].map(
      (id, nth) => () => lanes[nth]!.pick({ ...request, call: freshCall(), actor: worker(id) }),
    );
    const outcomes = await together(test.url, [{ table: "picking_tasks", ids: [request.task_id] }], hands);
    expect(outcomes[0]?.status).toBe("fulfilled");
    expect(["NOT_YOUR_TASK", "ILLEGAL_TRANSITION"]).toContain(reasonsOf(outcomes)[0]);
  });
});
