import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Random } from "../../src/cli/demo/random.ts";
import type { Database } from "../../src/db/database.ts";
import { type Call, once } from "../../src/db/idempotency.ts";
import { DomainError } from "../../src/domain/errors.ts";
import { placeInventory } from "../../src/use-cases/inventory/place-inventory.ts";
import { prune } from "../../src/use-cases/maintenance/prune.ts";
import { assignPickingTask } from "../../src/use-cases/picking/assign-picking-task.ts";
import { claimNextPickingTask } from "../../src/use-cases/picking/claim-next-picking-task.ts";
import { startPickingTask } from "../../src/use-cases/picking/start-picking-task.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { makeTask, OPERATOR, refusal, WORKER } from "../support/picking.ts";
import {
  freshCall,
  makeListings,
  makeWarehouses,
  place,
  stockOf,
  type TestWarehouse,
} from "../support/world.ts";
import { SEEDS } from "./harness/fault-row.ts";

const ITEMS = [{ listing_id: 1n, quantity: 1 }];
const ROUNDS = 30;
const actor = OPERATOR;

let test: TestDatabase;
let db: Database;
let house: TestWarehouse;

beforeAll(async () => {
  test = await testDatabase();
  db = test.db;
  [house] = (await makeWarehouses(db)) as [TestWarehouse];
  await makeListings(db, [1n, 2n]);
  await place(db, house, 1n, 1_000);
});
afterAll(() => test.close());

async function outcome(call: Promise<unknown>): Promise<unknown> {
  return call.catch((error: unknown) => {
    if (error instanceof DomainError) return [error.reason, error.message, error.metadata];
    throw error;
  });
}

describe("row 42: ten calls with one request id, while what they need comes true", () => {
  it.each(SEEDS)("are all served or all refused, and stay so (seed %i)", async (seed) => {
    const random = new Random(seed);
    const verdicts = { served: 0, refused: 0 };
    for (let round = 0; round < ROUNDS; round++) {
      const { id: task_id } = await makeTask(db, ITEMS, "pending");
      const call = freshCall();
      const start = () => outcome(startPickingTask(db, call, { task_id, actor }));
      const assign = () => assignPickingTask(db, freshCall(), { task_id, worker_id: WORKER, actor });
      const [assigned, ...started] = await Promise.all([
        delay(random.below(12)).then(assign),
        ...Array.from({ length: 10 }, start),
      ]);
      expect(assigned.status).toBe("assigned");
      started.push(await start());
      for (const one of started) expect(one).toEqual(started[0]);
      verdicts[Array.isArray(started[0]) ? "refused" : "served"] += 1;
    }
    console.log(`seed ${seed}: ${verdicts.served} rounds served, ${verdicts.refused} refused`);
  });
});

describe("a request id", () => {
  it.each(["CONCURRENT_UPDATE", "OVERLOADED", "DEPENDENCY_UNAVAILABLE"] as const)(
    "of a call that met %s may be used again: that was no verdict",
    async (reason) => {
      const call = freshCall();
      let tries = 0;
      const work = () => {
        tries += 1;
        if (tries === 1) throw new DomainError(reason, "a bad moment");
        return Promise.resolve("done");
      };
      expect((await refusal(once(db, call, async () => work()))).reason).toBe(reason);
      expect(await once(db, call, async () => work())).toBe("done");
      expect(await once(db, call, async () => work())).toBe("done");
      expect(tries).toBe(2);
    },
  );

  it("of who asked for work when there was none gives him none later either: he has asked on under another id", async () => {
    const [{ id: warehouse_id }] = (await makeWarehouses(db, 1)) as [TestWarehouse];
    await sql`update picking_tasks set status = 'assigned', worker_id = ${WORKER} where status = 'pending'`.execute(
      db,
    );
    const claim = (call: Call) => claimNextPickingTask(db, call, { warehouse_id, worker_id: WORKER, actor });
    const early = freshCall();
    expect((await refusal(claim(early))).reason).toBe("NO_TASK_WAITING");
    const task = await makeTask(db, ITEMS, "pending");
    expect((await refusal(claim(early))).reason).toBe("NO_TASK_WAITING");
    expect((await claim(freshCall())).id).toBe(task.id);
  });

  it("is remembered for seven days, in which the first answer is given again", async () => {
    const call: Call = { ...freshCall("PlaceInventory"), requestId: randomUUID() };
    const placing = () =>
      placeInventory(db, call, {
        listing_id: 2n,
        warehouse_id: house.id,
        location_id: house.bins[0] as bigint,
        quantity: 1,
        received_at: null,
        lot_code: null,
        expires_on: null,
      });
    const age = (days: number) =>
      sql`
      update idempotency_keys set created_at = now() - ${days} * interval '1 day'
      where request_id = ${call.requestId}`.execute(db);
    const first = await placing();
    await age(6.99);
    await prune(db);
    expect(await placing()).toEqual(first);
    expect((await stockOf(db, 2n)).quantity).toBe(1);
    await age(7.01);
    await prune(db);
    await placing();
    expect((await stockOf(db, 2n)).quantity).toBe(2);
  });
});
