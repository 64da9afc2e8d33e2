import fc from "fast-check";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Database } from "../../src/db/database.ts";
import { findOrderView } from "../../src/db/order-views.ts";
import { DomainError } from "../../src/domain/errors.ts";
import { ORDER_POLICIES, type OrderPolicy } from "../../src/domain/vocabulary.ts";
import { verify } from "../../src/use-cases/maintenance/verify.ts";
import { allocateBackorders } from "../../src/use-cases/orders/allocate-backorders.ts";
import { cancelOrder } from "../../src/use-cases/orders/cancel-order.ts";
import { takeOrderEvents } from "../../src/use-cases/orders/take-order-events.ts";
import { completePackingTask } from "../../src/use-cases/packing/complete-packing-task.ts";
import { packItem } from "../../src/use-cases/packing/pack-item.ts";
import { setPackageDetails } from "../../src/use-cases/packing/set-package-details.ts";
import { assignPickingTask } from "../../src/use-cases/picking/assign-picking-task.ts";
import { cancelPickingTask } from "../../src/use-cases/picking/cancel-picking-task.ts";
import { completePickingTask } from "../../src/use-cases/picking/complete-picking-task.ts";
import { pickItem } from "../../src/use-cases/picking/pick-item.ts";
import { PickLane } from "../../src/use-cases/picking/pick-lane.ts";
import { skipPickingItem } from "../../src/use-cases/picking/skip-picking-item.ts";
import { startPickingTask } from "../../src/use-cases/picking/start-picking-task.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { BOX, OPERATOR, startPacking } from "../support/parcels.ts";
import { pickOf, WORKER } from "../support/picking.ts";
import {
  cancelled,
  confirmed,
  freshCall,
  makeListings,
  makeWarehouses,
  place,
  type TestWarehouse,
} from "../support/world.ts";

let test: TestDatabase;
let db: Database;
let lane: PickLane;
let houses: TestWarehouse[];
let last = 0n;

beforeAll(async () => {
  test = await testDatabase();
  db = test.db;
  lane = new PickLane(db);
  houses = await makeWarehouses(db, 2, 20);
});
afterAll(() => test.close());

const HANDS = 3;
const TIME_MS = 6_000;
const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000);

const which = fc.constantFrom(0, 0, 0, 1, 2);
const some = fc.constantFrom(1, 2, 3);
const picking = fc.oneof(
  fc.record({ do: fc.constant("pick" as const), which, quantity: some }),
  fc.record({ do: fc.constant("pick" as const), which, quantity: some }),
  fc.record({ do: fc.constant("short" as const), which, quantity: fc.nat({ max: 2 }) }),
  fc.record({ do: fc.constant("skip" as const), which }),
);
const cancelling = fc.record({
  do: fc.constant("cancel" as const),
  units: fc.array(fc.record({ line: which, quantity: fc.constantFrom(1, 2, 3, 9) }), {
    minLength: 1,
    maxLength: 2,
  }),
  byPhone: fc.boolean(),
});
const completing = fc.record({ do: fc.constant("complete" as const), which });
const rarer = fc.oneof(
  fc.record({ do: fc.constant("pack" as const), which }),
  fc.record({ do: fc.constant("restock" as const) }),
  fc.record({ do: fc.constant("cancel_task" as const), which }),
);
type Act =
  typeof picking | typeof cancelling | typeof completing | typeof rarer extends fc.Arbitrary<infer A>
    ? A
    : never;

/** What happens to an order, one after another. What can't be done, since there is nothing to do it to, is left out. */
const acts = fc
  .tuple(
    fc.array(picking, { minLength: 1, maxLength: 4 }),
    fc.array<Act>(fc.oneof(cancelling, cancelling, picking, rarer), { maxLength: 3 }),
    fc.array(completing, { maxLength: 1 }),
    fc.array<Act>(fc.oneof(cancelling, cancelling, rarer), { maxLength: 3 }),
  )
  .map((parts): Act[] => parts.flat());

const listing = fc.constantFrom(0, 0, 1);
const story = fc.record({
  policy: fc.constantFrom(...ORDER_POLICIES),
  lots: fc.array(
    fc.record({ listing, house: fc.constantFrom(0, 0, 1), units: fc.constantFrom(1, 2, 3, 4) }),
    {
      minLength: 1,
      maxLength: 4,
    },
  ),
  lines: fc.array(fc.record({ listing, quantity: fc.constantFrom(1, 2, 3, 4) }), {
    minLength: 1,
    maxLength: 2,
  }),
  acts,
});

/** One order with goods of its own. */
class Story {
  readonly order_id = ++last;
  readonly #listings = [this.order_id * 2n, this.order_id * 2n + 1n];
  readonly #lines: { listing_id: bigint; quantity: number }[];
  readonly #policy: OrderPolicy;
  /** What its customer asked to cancel, by listing. */
  readonly wished = new Map<bigint, number>();

  constructor({ lines, policy }: { lines: { listing: number; quantity: number }[]; policy: OrderPolicy }) {
    this.#policy = policy;
    this.#lines = lines.map(({ listing, quantity }) => ({
      listing_id: this.#listings[listing] as bigint,
      quantity,
    }));
  }

  async begin(lots: readonly { listing: number; house: number; units: number }[]): Promise<void> {
    await makeListings(db, this.#listings);
    for (const [bin, { listing, house, units: quantity }] of lots.entries())
      await place(db, houses[house] as TestWarehouse, this.#listings[listing] as bigint, quantity, {
        bin,
        age: 50 - bin,
      });
    await takeOrderEvents(db, [confirmed(this.order_id, this.#lines, this.#policy)]);
  }

  async live(acts: readonly Act[]): Promise<void> {
    for (const one of acts)
      await this.#do(one).catch((error: unknown) => {
        if (!(error instanceof DomainError)) throw error;
      });
  }

  /** Everybody does what is left to do, with stock enough. */
  async end(): Promise<void> {
    if (await this.#waits()) await this.#restock(20);
    for (const task of await this.#pickingTasks()) {
      await this.#start(task);
      for (const item of await this.#items())
        if (item.task_id === task.id) await pickItem(db, lane, pickOf(item, item.open_quantity));
      await completePickingTask(db, freshCall(), { task_id: task.id, actor: OPERATOR });
    }
    // What was skipped is waited for only since its picker came back.
    if (await this.#waits()) return this.end();
    for (const { id: task_id, status } of await this.#packingTasks()) {
      if (status === "pending") await startPacking(db, task_id);
      for (const item of await this.#unpacked(task_id))
        await packItem(db, freshCall(), { task_id, item_id: item.id, quantity: item.left, actor: OPERATOR });
      await setPackageDetails(db, freshCall(), { task_id, ...BOX, actor: OPERATOR });
      await completePackingTask(db, freshCall(), { task_id, actor: OPERATOR });
    }
  }

  async #waits(): Promise<boolean> {
    const { rows } = await sql`
      select from order_items where order_id = ${this.order_id} and shortage_quantity > 0`.execute(db);
    return rows.length > 0;
  }

  async #do(one: Act): Promise<unknown> {
    switch (one.do) {
      case "pick":
      case "short": {
        const item = at(await this.#items(), one.which);
        if (!item) return;
        await this.#start({ id: item.task_id });
        const quantity = Math.min(one.quantity, item.open_quantity);
        const reason = one.do === "short" ? { short_reason: "not there" } : {};
        return pickItem(db, lane, pickOf(item, quantity, reason));
      }
      case "skip": {
        const item = at(await this.#items(), one.which);
        if (!item) return;
        await this.#start({ id: item.task_id });
        const { task_id, id: item_id } = item;
        return skipPickingItem(db, freshCall(), { task_id, item_id, reason: "blocked", actor: OPERATOR });
      }
      case "cancel":
        return this.#cancel(one.units, one.byPhone);
      case "complete": {
        const task = at(await this.#pickingTasks(), one.which);
        if (!task) return;
        return completePickingTask(db, freshCall(), { task_id: task.id, actor: OPERATOR });
      }
      case "cancel_task": {
        const task = at(await this.#pickingTasks(), one.which);
        return task && cancelPickingTask(db, freshCall(), { task_id: task.id, reason: "no time" });
      }
      case "restock":
        return this.#restock(2);
      case "pack":
        return this.#pack(one.which);
    }
  }

  async #cancel(wanted: readonly { line: number; quantity: number }[], byPhone: boolean): Promise<unknown> {
    const items = wanted.map(({ line, quantity }) => ({
      listing_id: (at(this.#lines, line) as { listing_id: bigint }).listing_id,
      quantity,
    }));
    const { order_id } = this;
    if (byPhone) await cancelOrder(db, freshCall(), { order_id, reason: "by phone", items });
    else await takeOrderEvents(db, [cancelled(order_id, items)]);
    for (const { listing_id, quantity } of items)
      this.wished.set(listing_id, (this.wished.get(listing_id) ?? 0) + quantity);
    return undefined;
  }

  async #restock(quantity: number): Promise<void> {
    for (const listing_id of this.#listings)
      await place(db, houses[0] as TestWarehouse, listing_id, quantity, { bin: 19, age: 1 });
    await allocateBackorders(db, this.#listings);
  }

  async #pack(index: number): Promise<unknown> {
    const task = at(await this.#packingTasks(), index);
    if (!task) return;
    if (task.status === "pending") return startPacking(db, task.id);
    const item = at(await this.#unpacked(task.id), index);
    return (
      item && packItem(db, freshCall(), { task_id: task.id, item_id: item.id, quantity: 1, actor: OPERATOR })
    );
  }

  async #start({ id: task_id }: { id: bigint }): Promise<void> {
    const { rows } = await sql<{
      status: string;
    }>`select status from picking_tasks where id = ${task_id}`.execute(db);
    if (rows[0]?.status !== "pending") return;
    await assignPickingTask(db, freshCall(), { task_id, worker_id: WORKER, actor: OPERATOR });
    await startPickingTask(db, freshCall(), { task_id, actor: OPERATOR });
  }

  async #pickingTasks(): Promise<{ id: bigint }[]> {
    const { rows } = await sql<{ id: bigint }>`
      select id from picking_tasks where order_id = ${this.order_id} and status not in ('completed', 'cancelled')
      order by id`.execute(db);
    return rows;
  }

  async #packingTasks(): Promise<{ id: bigint; status: string }[]> {
    const { rows } = await sql<{ id: bigint; status: string }>`
      select id, status from packing_tasks where order_id = ${this.order_id} and status in ('pending', 'in_progress')
      order by id`.execute(db);
    return rows;
  }

  async #unpacked(task_id: bigint): Promise<{ id: bigint; left: number }[]> {
    const { rows } = await sql<{ id: bigint; left: number }>`
      select id, quantity - packed_quantity as left from packing_task_items
      where task_id = ${task_id} and packed_quantity < quantity order by id`.execute(db);
    return rows;
  }

  /** Those of which units can be picked. */
  async #items(): Promise<{ id: bigint; task_id: bigint; open_quantity: number }[]> {
    const { rows } = await sql<{ id: bigint; task_id: bigint; open_quantity: number }>`
      select item.id, item.task_id, r.open_quantity from picking_task_items item
      join picking_tasks task on task.id = item.task_id
      join wms_reservations r on r.id = item.reservation_id
      where task.order_id = ${this.order_id} and task.status not in ('completed', 'cancelled')
        and item.status in ('pending', 'short') and r.open_quantity > 0
      order by item.id`.execute(db);
    return rows;
  }
}

function at<T>(list: readonly T[], index: number): T | undefined {
  return list[index % list.length];
}

/** What is left of the order stands in parcels, to the unit; of nothing left, nothing goes on. */
async function expectEnded(order_id: bigint): Promise<void> {
  const view = await findOrderView(db, order_id);
  const left = (view?.items ?? []).map((line) => [line.id, line.quantity - line.cancelled_quantity] as const);
  const wanted = left.filter(([, quantity]) => quantity > 0);
  const parts = new Set(view?.fulfillments.map(({ status }) => status));
  expect(view?.status).toBe(wanted.length > 0 ? "processing" : "cancelled");
  expect([...parts].filter((status) => status !== "cancelled" && status !== "packed")).toEqual([]);
  const { rows } = await sql<{ id: bigint; packed: number; sent: number }>`
    select line.id,
      (select coalesce(sum(item.quantity), 0)::int from packing_task_items item
       join packing_tasks task on task.id = item.task_id and task.status = 'packed'
       where item.order_item_id = line.id) as packed,
      (select coalesce(sum(item.quantity), 0)::int from shipment_items item
       join shipments s on s.id = item.shipment_id and s.status <> 'cancelled'
       where item.order_item_id = line.id) as sent
    from order_items line where order_id = ${order_id} order by line_number`.execute(db);
  expect(rows).toEqual(left.map(([id, quantity]) => ({ id, packed: quantity, sent: quantity })));
}

/** Nobody but the customer cancelled, and no unit was in a box: as much is cancelled as was asked for. */
async function expectGranted({ order_id, wished }: Story): Promise<void> {
  const { rows } = await sql<{ listing_id: bigint; ordered: number; cancelled: number }>`
    select listing_id, sum(quantity)::int as ordered, sum(cancelled_quantity)::int as cancelled
    from order_items where order_id = ${order_id} group by listing_id`.execute(db);
  for (const line of rows)
    expect(line.cancelled).toBe(Math.min(line.ordered, wished.get(line.listing_id) ?? 0));
}

async function wasRefused(order_id: bigint): Promise<boolean> {
  const { rows } = await sql`
    select from outbox where aggregatetype = 'order' and type = 'order.rejected' and aggregateid = ${String(order_id)}`.execute(
    db,
  );
  return rows.length > 0;
}

describe(`orders of which units are cancelled at any time (SEED=${seed})`, () => {
  it("come to their end, and get what their customers still want", async () => {
    const property = fc.asyncProperty(story, async ({ lots, acts, ...order }) => {
      const told = new Story(order);
      await told.begin(lots);
      await told.live(acts);
      await told.end();
      await expectEnded(told.order_id);
      const byOthers = acts.some((one) => one.do === "cancel_task" || one.do === "pack");
      if (!byOthers && !(await wasRefused(told.order_id))) await expectGranted(told);
    });
    const hands = Array.from({ length: HANDS }, (_, hand) =>
      fc.assert(property, { seed: seed + hand, numRuns: 60, interruptAfterTimeLimit: TIME_MS }),
    );
    await Promise.all(hands);
    expect((await verify(db)).flatMap(({ violations }) => violations)).toEqual([]);
  });
});
