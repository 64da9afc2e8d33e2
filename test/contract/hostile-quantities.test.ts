import fc from "fast-check";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { inventoryHandlers } from "../../src/rpc/inventory-handlers.ts";
import { orderHandlers } from "../../src/rpc/order-handlers.ts";
import { verify } from "../../src/use-cases/maintenance/verify.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { type Doors, openDoors } from "../support/doors.ts";
import { makeListings, makeWarehouses, place, stockOf, type TestWarehouse } from "../support/world.ts";

const STOCK = 10;
const RUNS = 300;
const WORDS_OF_SQL = /select |insert |update |constraint|syntax|integer out of range|at \/|\.ts:/i;

let database: TestDatabase;
let doors: Doors;
let warehouse: TestWarehouse;
let lot: bigint;

beforeAll(async () => {
  database = await testDatabase();
  const { db } = database;
  const logger = pino({ level: "silent" });
  const readStreamLag = () => Promise.reject(new Error("there are no streams here"));
  const deps = { db, logger, readStreamLag };
  doors = await openDoors({ warehouse: { ...inventoryHandlers(deps), ...orderHandlers(deps) } });
  [warehouse] = (await makeWarehouses(db)) as [TestWarehouse];
  await makeListings(db, [1n]);
  lot = await place(db, warehouse, 1n, STOCK);
});
afterAll(async () => {
  await doors.close();
  await database.close();
});

/** Numbers that are no quantity, as JSON has them: an exact int64 is more than a JavaScript number holds. */
const noQuantity = fc.oneof(
  fc.constantFrom("0", "-1", "2147483647", "2147483648", "-2147483648", "4294967297", "1000000001"),
  fc.constantFrom("9223372036854775807", "-9223372036854775808", "18446744073709551617"),
  fc.constantFrom(
    "1.5",
    "1e400",
    "-0.0001",
    "null",
    "true",
    "[]",
    "{}",
    '"1; drop table orders"',
    '"NaN"',
    '"١"',
  ),
  fc.bigInt({ min: -(2n ** 70n), max: 0n }).map(String),
  fc.bigInt({ min: 10n ** 9n + 1n, max: 2n ** 70n }).map(String),
  fc.string().map((text) => JSON.stringify(`x${text}`)),
);

const hostileText = fc.oneof(
  fc.constantFrom("'; drop table orders; --", "\u0000", "\u202Eevil", "%s%n", "${1+1}", "😀".repeat(300)),
  fc.string({ unit: "binary" }),
);

/** Every write that takes a quantity, as JSON with the given one in it. */
function writes(quantity: string): Record<string, string> {
  const here = `"listingId":"1","warehouseId":"${warehouse.id}"`;
  return {
    PlaceInventory: `{${here},"locationId":"${warehouse.bins[0]}","quantity":${quantity}}`,
    MoveInventory: `{"productLocationId":"${lot}","toLocationId":"${warehouse.bins[1]}","quantity":${quantity}}`,
    ReserveInventory: `{${here},"orderId":"1","quantity":${quantity}}`,
    RemoveInventory: `{"productLocationId":"${lot}","quantity":${quantity},"reason":"test"}`,
    ConfirmOrder: `{"orderId":"1","items":[{"listingId":"1","quantity":${quantity}}]}`,
  };
}

async function send(method: string, body: string) {
  const response = await fetch(`${doors.httpUrl}/wms.v1.WarehouseService/${method}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });
  const answer = (await response.json()) as { code?: string; message?: string };
  return { status: response.status, code: answer.code, message: answer.message ?? "" };
}

async function expectNothingHappened(): Promise<void> {
  expect(await stockOf(database.db, 1n)).toEqual({ quantity: STOCK, reserved: 0 });
  expect(await brokenLaws()).toEqual([]);
}

async function brokenLaws() {
  return (await verify(database.db)).filter((law) => law.violation_count > 0n);
}

describe("row 54: hostile quantities", () => {
  it("are refused by every write, in words about the field, and change nothing", async () => {
    const methods = fc.constantFrom(...Object.keys(writes("1")));
    const refused = fc.asyncProperty(methods, noQuantity, async (method, quantity) => {
      const { status, code, message } = await send(method, writes(quantity)[method] as string);
      expect({ status, code }).toEqual({ status: 400, code: "invalid_argument" });
      expect(message).toMatch(/quantity/);
      expect(message).not.toMatch(WORDS_OF_SQL);
    });
    await fc.assert(refused, { numRuns: RUNS });
    await expectNothingHappened();
  });

  it("don't add up to what can't be stored", async () => {
    const { PlaceInventory: body = "" } = writes("1000000000");
    const answers: { status: number; message: string }[] = [];
    for (let nth = 0; nth < 4; nth++)
      answers.push(await send("PlaceInventory", body.replace("{", '{"receivedAt":"2026-01-01T00:00:00Z",')));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 400, 400]);
    for (const { message } of answers) expect(message).not.toMatch(WORDS_OF_SQL);
    const { rows } = await database.pool.query("select sum(quantity)::text as units from product_locations");
    expect(rows).toEqual([{ units: String(STOCK + 2_000_000_000) }]);
    expect(await brokenLaws()).toEqual([]);
  });

  it("nor do hostile texts beside them reach the database's own words", async () => {
    const refused = fc.asyncProperty(hostileText, noQuantity, async (reason, quantity) => {
      const body = `{"productLocationId":"${lot}","quantity":${quantity},"reason":${JSON.stringify(reason)}}`;
      const { status, message } = await send("RemoveInventory", body);
      expect(status).toBe(400);
      expect(message).not.toMatch(WORDS_OF_SQL);
    });
    await fc.assert(refused, { numRuns: RUNS });
  });
});
