import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { clearAlert, raiseAlert } from "../../src/db/alerts.ts";
import { inTransaction } from "../../src/db/transaction.ts";
import { prune } from "../../src/use-cases/maintenance/prune.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";

let base: TestDatabase;

beforeAll(async () => {
  base = await testDatabase();
});

afterAll(() => base.close());

beforeEach(() => sql`truncate alerts`.execute(base.db));

const deaf = {
  name: "consumer_deaf",
  key: "orders",
  severity: "warning" as const,
  summary: "silent for 10 s",
};

function rows() {
  return base.db.selectFrom("alerts").selectAll().orderBy("id").execute();
}

test("an alert raised again is the same alert, with the latest words", async () => {
  await raiseAlert(base.db, { ...deaf, labels: { group: "wms" }, value: 10, threshold: 5 });
  const [first] = await rows();
  await raiseAlert(base.db, { ...deaf, severity: "critical", summary: "silent for 20 s", value: 20 });
  expect(await rows()).toMatchObject([
    { name: "consumer_deaf", severity: "critical", summary: "silent for 20 s", value: 20, count: 2n },
  ]);
  expect((await rows())[0]?.since).toEqual(first?.since);
});

test("fifty who see the same thing at once raise one alert", async () => {
  await Promise.all(Array.from({ length: 50 }, () => raiseAlert(base.db, deaf)));
  expect(await rows()).toMatchObject([{ count: 50n }]);
});

test("alerts about different things stand side by side", async () => {
  await raiseAlert(base.db, deaf);
  await raiseAlert(base.db, { ...deaf, key: "listings" });
  expect(await rows()).toMatchObject([{ key: "orders" }, { key: "listings" }]);
});

test("a resolved alert stays resolved, and the next one is a new one", async () => {
  await clearAlert(base.db, "consumer_deaf", "orders"); // nothing is open
  await raiseAlert(base.db, deaf);
  await clearAlert(base.db, "consumer_deaf", "orders");
  const [resolved] = await rows();
  await clearAlert(base.db, "consumer_deaf", "orders");
  await raiseAlert(base.db, deaf);
  expect(await rows()).toMatchObject([
    { resolved_at: resolved?.resolved_at, count: 1n },
    { resolved_at: null, count: 1n },
  ]);
});

test("an alert raised in a transaction is known when it commits, and not when it doesn't", async () => {
  await inTransaction(base.db, (trx) => raiseAlert(trx, deaf));
  const failing = inTransaction(base.db, async (trx) => {
    await clearAlert(trx, "consumer_deaf", "orders");
    await raiseAlert(trx, { ...deaf, key: "listings" });
    throw new Error("no");
  });
  await expect(failing).rejects.toThrow("no");
  expect(await rows()).toMatchObject([{ key: "orders", resolved_at: null }]);
});

test("an alert that is over goes after a month, one that holds stays", async () => {
  for (const key of ["old", "young", "open"]) await raiseAlert(base.db, { ...deaf, key });
  for (const key of ["old", "young"]) await clearAlert(base.db, "consumer_deaf", key);
  await sql`update alerts set since = now() - interval '1 year',
    resolved_at = resolved_at - (case key when 'old' then 31 else 29 end) * interval '1 day'`.execute(
    base.db,
  );
  expect(await prune(base.db)).toMatchObject({ alerts: 1 });
  expect(await rows()).toMatchObject([{ key: "young" }, { key: "open" }]);
});
