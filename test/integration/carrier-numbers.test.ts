import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { takeCarrierNumber } from "../../src/db/carrier-numbers.ts";
import type { Database } from "../../src/db/database.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";

let test: TestDatabase;
let db: Database;
beforeAll(async () => {
  test = await testDatabase();
  db = test.db;
});
afterAll(() => test.close());

async function alerts(name: string) {
  const { rows } = await sql<{ severity: string; summary: string }>`
    select severity, summary from alerts
    where name = 'carrier_numbers_low' and key = ${name} and resolved_at is null`.execute(db);
  return rows;
}

describe("a carrier's numbers", () => {
  it("are given one after the other, each to one key, which gets it again", async () => {
    const range = { name: "one", first: 1_000n, last: 1_999n };
    const keys = Array.from({ length: 30 }, (_, nth) => `box ${nth}`);
    const given = await Promise.all([...keys, ...keys].map((key) => takeCarrierNumber(db, range, key)));
    expect(given.slice(0, 30)).toEqual(given.slice(30));
    expect(new Set(given)).toEqual(new Set(keys.map((_, nth) => 1_000n + BigInt(nth))));
    expect(await takeCarrierNumber(db, { ...range, name: "two" }, "box 0")).toBe(1_000n);
    expect(await alerts("one")).toEqual([]);
  });

  it("come to an end, of which somebody is told before", async () => {
    const range = { name: "short", first: 1n, last: 10n };
    for (let nth = 1n; nth <= 9n; nth++) await takeCarrierNumber(db, range, `box ${nth}`);
    expect(await alerts("short")).toEqual([]);
    expect(await takeCarrierNumber(db, range, "box 10")).toBe(10n);
    expect(await alerts("short")).toEqual([
      { severity: "critical", summary: "range short has 0 numbers left" },
    ]);
    expect(await takeCarrierNumber(db, range, "box 11")).toBeUndefined();
    expect(await takeCarrierNumber(db, range, "box 3")).toBe(3n);
  });

  it("go on where the carrier gives new ones", async () => {
    const range = { name: "short", first: 501n, last: 600n };
    expect(await takeCarrierNumber(db, range, "box 11")).toBe(501n);
    expect(await takeCarrierNumber(db, range, "box 12")).toBe(502n);
    expect(await takeCarrierNumber(db, range, "box 3")).toBe(3n);
    expect(await alerts("short")).toEqual([]);
  });
});
