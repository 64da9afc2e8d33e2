import { status } from "@grpc/grpc-js";
import { sql } from "kysely";
import type pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { WarehouseService } from "../../gen/wms/v1/warehouse_service_pb.js";
import { createDatabase, createPool, type Database } from "../../src/db/database.ts";
import { inTransaction } from "../../src/db/transaction.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { type Doors, openDoors, TestClient } from "../support/doors.ts";
import { until } from "../support/until.ts";

const { getOrder, getStock } = WarehouseService.method;
const CONNECTIONS = 4;

let database: TestDatabase;
let pool: pg.Pool;
let db: Database;
let doors: Doors;
let client: TestClient;
/** What a read costs the database. */
let useMs = 10;
let release = async () => {};

beforeAll(async () => {
  database = await testDatabase();
  pool = createPool({ connectionString: database.url, max: CONNECTIONS });
  db = createDatabase(pool);
  await sql`create table marks (id bigint)`.execute(db);
  const getStock = async () => {
    await sql`select pg_sleep(${useMs / 1000}::float8)`.execute(db);
    return {};
  };
  const getOrder = async ({ orderId }: { orderId: bigint }) => {
    await inTransaction(db, (trx) => sql`insert into marks values (${orderId})`.execute(trx));
    return {};
  };
  const findWebhookRoute = (path: string) =>
    path === "/hook" ? async () => void (await getStock()) : undefined;
  doors = await openDoors({ warehouse: { getStock, getOrder } }, { findWebhookRoute });
  client = new TestClient(doors.grpcAddress);
});

afterEach(async () => {
  useMs = 10;
  await release();
  await until("nobody is at work any more", async () => doors.dispatcher.inFlight === 0, 15_000);
});

afterAll(async () => {
  client.close();
  await doors.close();
  await pool.end();
  await database.close();
});

/** Takes every connection, until `release` is called. */
async function holdAll(): Promise<void> {
  const over = Promise.withResolvers<void>();
  const taken: Promise<void>[] = [];
  const held = Array.from({ length: CONNECTIONS }, () => {
    const mine = Promise.withResolvers<void>();
    taken.push(mine.promise);
    return db.connection().execute(async () => {
      mine.resolve();
      await over.promise;
    });
  });
  await Promise.all(taken);
  release = async () => {
    over.resolve();
    await Promise.all(held);
  };
}

describe("a pool without a free connection", () => {
  it("gives none to who has given up", async () => {
    await holdAll();
    const refusals = [1n, 2n, 3n].map((orderId) =>
      client.refusal(getOrder, { orderId }, { deadlineMs: 300 }),
    );
    for (const refusal of await Promise.all(refusals)) expect(refusal.code).toBe(status.DEADLINE_EXCEEDED);
    await until("the service has given up, too", async () => doors.dispatcher.inFlight === 0, 1_000);
    await release();
    await client.call(getOrder, { orderId: 4n });
    const { rows } = await sql<{ id: bigint }>`select id from marks`.execute(db);
    expect(rows).toEqual([{ id: 4n }]);
  });

  it("forgets at once who has hung up", async () => {
    await holdAll();
    const callers = new AbortController();
    const body = '{"orderId":"5"}';
    const headers = { "content-type": "application/json" };
    const url = `${doors.httpUrl}/wms.v1.WarehouseService/GetOrder`;
    const calls = [1, 2, 3].map(() => fetch(url, { method: "POST", headers, body, signal: callers.signal }));
    await until("they wait", async () => doors.dispatcher.inFlight === 3);
    callers.abort();
    expect((await Promise.allSettled(calls)).map(({ status: outcome }) => outcome)).toEqual(
      Array(3).fill("rejected"),
    );
    await until("the service has given up, too", async () => doors.dispatcher.inFlight === 0, 600);
  });

  it("row 19: refuses within two seconds when none comes back, and serves as soon as one does", async () => {
    await holdAll();
    const started = performance.now();
    const hook = fetch(`${doors.httpUrl}/hook`, { method: "POST" });
    const refusals = await Promise.all(
      Array.from({ length: 50 }, () => client.refusal(getStock, { listingId: 1n })),
    );
    expect(performance.now() - started).toBeLessThan(2_000);
    for (const refusal of refusals)
      expect(refusal).toMatchObject({
        code: status.RESOURCE_EXHAUSTED,
        reason: "OVERLOADED",
        retryable: true,
      });
    const { status: hookStatus, headers } = await hook;
    expect([hookStatus, headers.get("retry-after")]).toEqual([503, "1"]);
    await release();
    await expect(client.call(getStock, { listingId: 1n })).resolves.toBeDefined();
  });

  it("serves a crowd of five hundred in turn", async () => {
    const crowd = Array.from({ length: 500 }, () => client.call(getStock, { listingId: 1n }));
    expect(await Promise.all(crowd)).toHaveLength(500);
  });

  it("serves a crowd also while the first connections are being made", async () => {
    const young = createPool({ connectionString: database.url, max: 2 });
    const youngDb = createDatabase(young);
    const quietSince = performance.now();
    await until("it has been quiet for a while", async () => performance.now() - quietSince > 1_700);
    await Promise.all(Array.from({ length: 50 }, () => sql`select 1`.execute(youngDb)));
    await young.end();
  });

  it("refuses early whom it could not serve before his deadline", async () => {
    useMs = 250;
    const started = performance.now();
    const refused: number[] = [];
    const crowd = Array.from({ length: 60 }, () =>
      client.call(getStock, { listingId: 1n }, { deadlineMs: 1_500 }).then(
        () => "served",
        ({ code }: { code: status }) => {
          if (code === status.RESOURCE_EXHAUSTED) refused.push(performance.now() - started);
          return status[code];
        },
      ),
    );
    const outcomes = Object.groupBy(await Promise.all(crowd), (outcome) => outcome as string);
    expect(outcomes["served"]?.length).toBeGreaterThanOrEqual(3 * CONNECTIONS);
    expect(outcomes["DEADLINE_EXCEEDED"] ?? []).toSatisfy((late: string[]) => late.length <= 3 * CONNECTIONS);
    expect(refused.filter((ms) => ms < 750).length).toBeGreaterThanOrEqual(60 - 9 * CONNECTIONS);
  });
});
