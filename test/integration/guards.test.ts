import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Database } from "../../src/db/database.ts";
import { takeOrderEvents } from "../../src/use-cases/orders/take-order-events.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { confirmed, makeListings, makeWarehouses, place, type TestWarehouse } from "../support/world.ts";

/** What stands when everything above it is wrong: the database refuses it, whoever asks. */
describe("the database itself", () => {
  let test: TestDatabase;
  let db: Database;
  let lot: bigint;
  beforeAll(async () => {
    test = await testDatabase();
    db = test.db;
    const [warehouse] = (await makeWarehouses(db)) as [TestWarehouse];
    await makeListings(db, [1n]);
    lot = await place(db, warehouse, 1n, 5);
    await takeOrderEvents(db, [confirmed(1n, [{ listing_id: 1n, quantity: 2 }])]);
  });
  afterAll(() => test.close());

  it.each([
    ["more than there is", sql`reserved_quantity = quantity + 1`, "product_locations_reserved_check"],
    ["less than nothing reserved", sql`reserved_quantity = -1`, "product_locations_reserved_check"],
    ["less than nothing there", sql`quantity = -1, reserved_quantity = -1`, "product_locations_"],
  ])("refuses to promise or keep %s", async (_what, change, constraint) => {
    const update = sql`update product_locations set ${change} where id = ${lot}`.execute(db);
    await expect(update).rejects.toMatchObject({
      code: "23514",
      constraint: expect.stringContaining(constraint) as string,
    });
  });

  it.each([
    ["fulfillments", "completed"],
    ["picking_tasks", "completed"],
    ["orders", "confirmed"],
    ["wms_reservations", "picked"],
  ])("refuses to let %s leap to %s", async (table, status) => {
    const leap = sql`update ${sql.table(table)} set status = ${status}`.execute(db);
    const constraint = `${table}_transition_check`;
    await expect(leap).rejects.toMatchObject({ code: "23514", constraint });
  });

  it("refuses to change what was written into the ledger", async () => {
    await expect(sql`update inventory_movements set quantity = quantity + 1`.execute(db)).rejects.toThrow();
    await expect(sql`delete from inventory_movements`.execute(db)).rejects.toThrow();
  });
});
