import { randomUUID } from "node:crypto";
import { create, type DescMethodUnary, type Message, toBinary } from "@bufbuild/protobuf";
import type { ServiceError } from "@grpc/grpc-js";
import { sql } from "kysely";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WarehouseService } from "../../gen/wms/v1/warehouse_service_pb.js";
import { Random } from "../../src/cli/demo/random.ts";
import type { PickingTaskView } from "../../src/db/picking-views.ts";
import { serviceHandlers } from "../../src/rpc/service-handlers.ts";
import { verify } from "../../src/use-cases/maintenance/verify.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { type Doors, openDoors, readRefusal, SECRET, TestClient, tokenOf } from "../support/doors.ts";
import { difference, fingerprint } from "../support/fingerprint.ts";
import { makeTask, WORKER } from "../support/picking.ts";
import { makeListings, makeWarehouses, place, type TestWarehouse } from "../support/world.ts";
import { SEEDS } from "./harness/fault-row.ts";

const rpc = WarehouseService.method;
const TASKS = 20;

let test: TestDatabase;
let doors: Doors;
let client: TestClient;
let house: TestWarehouse;
let token: string;
let nextListing = 1n;

beforeAll(async () => {
  test = await testDatabase();
  const logger = pino({ level: "silent" });
  const readStreamLag = () => Promise.reject(new Error("nobody asks for it here"));
  const handlers = serviceHandlers({ db: test.db, logger, readStreamLag });
  doors = await openDoors(handlers, { auth: { mode: "tokens", secret: SECRET } });
  client = new TestClient(doors.grpcAddress);
  token = `Bearer ${await tokenOf("worker", WORKER)}`;
  [house] = (await makeWarehouses(test.db)) as [TestWarehouse];
});
afterAll(async () => {
  client.close();
  await doors.close();
  await test.close();
});

/** What a scanner keeps while it has no network: the bytes, and with them the id that the scan was given. */
interface Scan {
  method: DescMethodUnary;
  request: Message;
}

/** As a caller has it: the answer's bytes in hex, or the refusal. */
type Verdict = { answer: string } | { refusal: ReturnType<typeof readRefusal> };

function scan(method: DescMethodUnary, fields: object): Scan {
  return { method, request: create(method.input, { ...fields, requestId: randomUUID() } as never) };
}

async function send({ method, request }: Scan): Promise<Verdict> {
  const bytes = Buffer.from(toBinary(method.input, request as never));
  try {
    return { answer: (await client.bytes(method, bytes, { token })).toString("hex") };
  } catch (error) {
    return { refusal: readRefusal(error as ServiceError) };
  }
}

async function sendAll(scans: readonly Scan[], hands = 1): Promise<Map<Scan, Verdict>> {
  const verdicts = new Map<Scan, Verdict>();
  const queue = [...scans];
  const work = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) verdicts.set(next, await send(next));
  };
  await Promise.all(Array.from({ length: hands }, work));
  return verdicts;
}

/**
 * A morning's walks: ten scans a task, in the order in which they were made. Some shelves hold less than the book says;
 * `elsewhere`: there is more in another place, so the service sends the picker on, which the scanner can't know.
 */
async function storedScans(random: Random, elsewhere: boolean): Promise<Scan[]> {
  const listings = [nextListing++, nextListing++];
  await makeListings(test.db, listings);
  for (const [bin, listing] of listings.entries()) {
    await place(test.db, house, listing, 6 * TASKS, { age: 50, bin });
    if (elsewhere) await place(test.db, house, listing, 6 * TASKS, { age: 1, bin: bin + 2 });
  }
  const items = listings.map((listing_id) => ({ listing_id, quantity: 6 }));
  const scans: Scan[] = [];
  for (let nth = 0; nth < TASKS; nth++)
    scans.push(...walk(await makeTask(test.db, items, "assigned"), random));
  return scans;
}

function walk({ id: taskId, items }: PickingTaskView, random: Random): Scan[] {
  const stops = items.flatMap(({ id: itemId }) => {
    const one = { taskId, itemId, quantity: 1 };
    const lasts = [
      scan(rpc.pickItem, { ...one, quantity: 3 }),
      scan(rpc.pickItem, { ...one, quantity: 3 }),
      scan(rpc.pickItem, { ...one, shortReason: "not there" }),
      scan(rpc.skipPickingItem, { taskId, itemId, reason: "blocked" }),
    ];
    return [...Array.from({ length: 3 }, () => scan(rpc.pickItem, one)), random.pick(lasts)];
  });
  return [scan(rpc.startPickingTask, { taskId }), ...stops, scan(rpc.completePickingTask, { taskId })];
}

function shuffled<T>(list: readonly T[], random: Random): T[] {
  return list
    .map((value) => ({ value, at: random.next() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ value }) => value);
}

function refused(verdicts: ReadonlyMap<Scan, Verdict>): Scan[] {
  return [...verdicts].filter(([, verdict]) => "refusal" in verdict).map(([one]) => one);
}

/** Units that the scanner was told are picked, and those that the book has, by item. */
async function expectBookToAgree(verdicts: readonly (readonly [Scan, Verdict])[]): Promise<void> {
  const told = new Map<bigint, number>();
  for (const [{ method, request }, verdict] of verdicts) {
    if (method !== rpc.pickItem || "refusal" in verdict) continue;
    const { itemId, quantity } = request as Message & { itemId: bigint; quantity: number };
    told.set(itemId, (told.get(itemId) ?? 0) + quantity);
  }
  const { rows } = await sql<{ id: bigint; picked: number; moved: number }>`
    select id, quantity_picked as picked, (select coalesce(sum(quantity), 0)::int from inventory_movements m
      where m.reference = 'picking_task_item:' || item.id and m.to_place = 'packing') as moved
    from picking_task_items item where id = any(${[...told.keys()]}::bigint[])`.execute(test.db);
  expect(new Map(rows.map(({ id, picked }) => [id, picked]))).toEqual(told);
  for (const { picked, moved } of rows) expect(moved).toBe(picked);
  const broken = (await verify(test.db)).filter(({ violation_count }) => violation_count > 0n);
  expect(broken).toEqual([]);
}

describe.each(SEEDS)("row 40: a scanner that was offline sends its 200 scans (seed %i)", (seed) => {
  const random = new Random(seed * 40);

  it("as they were made: all are served, and again they get the same verdicts and do nothing", async () => {
    const scans = await storedScans(random, false);
    expect(scans).toHaveLength(200);
    const first = await sendAll(scans);
    expect(refused(first)).toEqual([]);
    const before = await fingerprint(test.db);
    expect(await sendAll(scans)).toEqual(first);
    expect(difference(before, await fingerprint(test.db))).toEqual({});
    await expectBookToAgree([...first]);
  });

  it.each([
    ["in any order", 1],
    ["in any order, eight at a time", 8],
  ])("%s: each has one verdict, whatever comes after it", async (_name, hands) => {
    const scans = shuffled(await storedScans(random, true), random);
    const first = await sendAll(scans, hands);
    const before = await fingerprint(test.db);
    expect(await sendAll(shuffled(scans, random), hands)).toEqual(first);
    expect(difference(before, await fingerprint(test.db))).toEqual({});
    await expectBookToAgree([...first]);
  });

  it("twice at once, from two radios: each scan has one verdict all the same", async () => {
    const scans = await storedScans(random, true);
    const [one, other] = await Promise.all([sendAll(scans, 4), sendAll(shuffled(scans, random), 4)]);
    expect(one).toEqual(other);
    await expectBookToAgree([...one]);
  });

  it("last first: what came too early is served under new ids, once it comes in the order it was made", async () => {
    const scans = await storedScans(random, false);
    const first = await sendAll(scans.toReversed());
    const early = scans.filter((one) => "refusal" in (first.get(one) as Verdict));
    expect(early.map(({ method }) => method.name)).not.toContain("StartPickingTask");
    expect(early).toHaveLength(200 - TASKS);
    const again = early.map(({ method, request }) => scan(method, { ...request }));
    const second = await sendAll(again);
    expect(refused(second)).toEqual([]);
    expect(refused(await sendAll(early))).toEqual(early);
    await expectBookToAgree([...first, ...second]);
  });
});
