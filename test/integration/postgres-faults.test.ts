import { randomUUID } from "node:crypto";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { status } from "@grpc/grpc-js";
import { sql } from "kysely";
import pg from "pg";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { WarehouseService } from "../../gen/wms/v1/warehouse_service_pb.js";
import { createDatabase, createPool, type Database } from "../../src/db/database.ts";
import { inTransaction } from "../../src/db/transaction.ts";
import { DomainError } from "../../src/domain/errors.ts";
import { inventoryHandlers } from "../../src/rpc/inventory-handlers.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { type Doors, openDoors, TestClient } from "../support/doors.ts";
import { type Proxy, startProxy } from "../support/proxy.ts";
import { until } from "../support/until.ts";
import { makeListings, makeWarehouses, stockOf, type TestWarehouse } from "../support/world.ts";

const { getStock, placeInventory } = WarehouseService.method;
const CONNECTIONS = 4;
const FOREVER_MS = 3_600_000;

let database: TestDatabase;
let proxy: Proxy;
let pool: pg.Pool;
/** Behind the proxy; `database.db` is not. */
let db: Database;
let doors: Doors;
let client: TestClient;
let warehouse: TestWarehouse;

beforeAll(async () => {
  database = await testDatabase();
  proxy = await startProxy(database.url);
  pool = createPool({ connectionString: proxy.url, max: CONNECTIONS });
  db = createDatabase(pool);
  const logger = pino({ level: "silent" });
  doors = await openDoors({ warehouse: inventoryHandlers({ db, logger }) });
  client = new TestClient(doors.grpcAddress);
  [warehouse] = (await makeWarehouses(database.db)) as [TestWarehouse];
  await makeListings(database.db, [1n, 2n]);
});

afterEach(async () => {
  proxy.mend();
  await until("nobody is at work any more", async () => doors.dispatcher.inFlight === 0, 15_000);
});

afterAll(async () => {
  client.close();
  await doors.close();
  await pool.end();
  await proxy.close();
  await database.close();
});

/** Every connection is open, has been used, and waits for the next use. */
async function fillPool(): Promise<void> {
  await Promise.all(Array.from({ length: CONNECTIONS }, () => sql`select pg_sleep(0.1)`.execute(db)));
  expect(pool.idleCount).toBe(CONNECTIONS);
}

function place(requestId: string = randomUUID()) {
  return {
    listingId: 1n,
    warehouseId: warehouse.id,
    locationId: warehouse.bins[0] as bigint,
    quantity: 1,
    requestId,
  };
}

/** As a caller without any timer of its own sees it: only the service ends the call. */
async function askOverHttp(headers: Record<string, string> = {}) {
  const started = performance.now();
  const response = await fetch(`${doors.httpUrl}/wms.v1.WarehouseService/GetStock`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: '{"listingId":"2"}',
  });
  const { code, details = [] } = (await response.json()) as { code?: string; details?: { type: string }[] };
  const types = details.map((detail) => detail.type);
  return { code, types, ms: performance.now() - started };
}

const isServed = () =>
  client.call(getStock, { listingId: 1n }, { deadlineMs: 20_000 }).then(
    () => true,
    () => false,
  );

describe("a transaction", () => {
  it("is run again after a serialization failure, also when its ROLLBACK fails", async () => {
    let attempts = 0;
    const result = await inTransaction(db, async (trx) => {
      attempts += 1;
      if (attempts > 1) return "done";
      await sql`do $$ begin raise exception using errcode = '40001'; end $$`.execute(trx).catch((error) => {
        proxy.cut();
        proxy.mend();
        throw error;
      });
      return "not reached";
    });
    expect({ result, attempts }).toEqual({ result: "done", attempts: 2 });
  });

  it("that fails on a lost line says why it failed, not that its ROLLBACK did", async () => {
    const refused = inTransaction(db, async () => {
      proxy.cut();
      throw new DomainError("INSUFFICIENT_STOCK", "there is none");
    });
    await expect(refused).rejects.toMatchObject({ reason: "INSUFFICIENT_STOCK" });
  });

  it("row 11: whose COMMIT got no answer is not run again, and its request id tells what became of it", async () => {
    const before = (await stockOf(database.db, 1n)).quantity;
    let written = 0;
    const count = () => (written += 1);
    subscribe("warehouse:transaction.written", count);
    for (let nth = 1; nth <= 20; nth++) {
      const request = place();
      proxy.dropNextReply(/commit/);
      const refusal = await client.refusal(placeInventory, request);
      expect(refusal).toMatchObject({ code: status.UNAVAILABLE, retryable: true });
      expect(refusal.message).toContain("request_id");
      expect(written).toBe(nth);
      const [first, again] = [
        await client.call(placeInventory, request),
        await client.call(placeInventory, request),
      ];
      expect(again).toEqual(first);
      written = nth; // replays are transactions too
      expect((await stockOf(database.db, 1n)).quantity).toBe(before + nth);
    }
    unsubscribe("warehouse:transaction.written", count);
  });
});

describe("a backend", () => {
  it("row 13: terminated in the middle of a transaction is an error of that call alone", async () => {
    for (let nth = 0; nth < 10; nth++) {
      const lost = inTransaction(db, async (trx) => {
        const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(trx);
        await database.pool.query("select pg_terminate_backend($1)", [rows[0]?.pid]);
        await until("the backend has gone", () => hasGone(rows[0]?.pid));
        await sql`select 1`.execute(trx);
      });
      await expect(lost).rejects.toThrow(/terminat|connection/i);
      await sql`select 1`.execute(db);
    }
  });

  it("is given up with its locks when its transaction pauses", async () => {
    await client.call(placeInventory, place());
    const holder = pool.connect();
    const held = await holder;
    await held.query("begin; select 1 from product_locations where listing_id = 1 for update");
    proxy.blackHole();
    held.release(true); // this end has gone, and the server does not know it
    const freed = until("the lot is free", async () => {
      await database.pool.query("select 1 from product_locations where listing_id = 1 for update nowait");
      return true;
    });
    await expect(freed).resolves.toBe(true);
  });
});

async function hasGone(pid: number | undefined): Promise<boolean> {
  const { rows } = await database.pool.query("select 1 from pg_stat_activity where pid = $1", [pid]);
  return rows.length === 0;
}

describe("a connection that was lent with a callback", () => {
  it("may be given back twice", async () => {
    const { promise, resolve, reject } = Promise.withResolvers<() => void>();
    pool.connect((error, _client, done) => (error ? reject(error) : resolve(done)));
    const done = await promise;
    done();
    done();
    expect(pool.idleCount).toBe(1);
  });
});

describe("the line to PostgreSQL", () => {
  it("row 12: cut means UNAVAILABLE with a hint at once, and service as soon as it is back", async () => {
    await fillPool();
    proxy.cut();
    const refusals = await Promise.all(
      Array.from({ length: 50 }, () => client.refusal(getStock, { listingId: 1n })),
    );
    for (const refusal of refusals)
      expect(refusal).toMatchObject({ code: status.UNAVAILABLE, retryable: true });
    proxy.mend();
    await until("calls are served again", isServed, 1_000);
  });

  it.each(["blackHole", "deafen"] as const)(
    "row 14: dead without a word (%s) is left within ten seconds",
    async (kind) => {
      await fillPool();
      proxy[kind]();
      const deadAt = performance.now();
      const crowd = Promise.all(Array.from({ length: 2 }, isServed)); // the other connections lie idle, and are dead too
      await until("calls are served again", isServed, 20_000);
      expect(performance.now() - deadAt).toBeLessThan(10_000);
      await crowd;
      const served = await Promise.all(Array.from({ length: 20 }, () => askOverHttp()));
      expect(served.filter(({ code, ms }) => code !== undefined || ms > 1_000)).toEqual([]);
    },
  );

  it("row 14: dead while nobody asked anything costs the next caller no more than a moment", async () => {
    await fillPool();
    const quietAt = performance.now();
    await until("the lines were quiet for a while", async () => performance.now() - quietAt > 1_500);
    proxy.blackHole();
    const { code, ms } = await askOverHttp();
    expect(code).toBeUndefined();
    expect(ms).toBeLessThan(3_000);
  });

  it("row 14: dead is found out also for whoever holds a connection and asks nothing", async () => {
    await fillPool(); // somebody else meets a dead line
    const [taken, over] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const holder = db.connection().execute(async (connection) => {
      await sql`select 1`.execute(connection);
      taken.resolve();
      await over.promise;
      const askedAt = performance.now();
      const failed = await sql`select 1`.execute(connection).catch((error: unknown) => error);
      return { failed, ms: performance.now() - askedAt };
    });
    await taken.promise;
    proxy.blackHole();
    await until("calls are served again", isServed, 20_000);
    over.resolve();
    const { failed, ms } = await holder;
    expect(failed).toBeInstanceOf(Error);
    expect(ms).toBeLessThan(2_000);
  });

  it("row 15: frozen lets no caller wait beyond its deadline, and says what is wrong", async () => {
    await fillPool();
    proxy.delay(FOREVER_MS);
    const hasty = Array.from({ length: 30 }, () => askOverHttp({ "connect-timeout-ms": "1000" }));
    const patient = askOverHttp();
    for (const { code, ms } of await Promise.all(hasty)) {
      expect(code).toMatch(/deadline_exceeded|unavailable|resource_exhausted/);
      expect(ms).toBeLessThan(2_000);
    }
    const { code, types } = await patient;
    expect(code).toMatch(/unavailable|resource_exhausted/);
    expect(types).toContain("google.rpc.RetryInfo");
    proxy.mend();
    await until("calls are served again", isServed, 2_000);
  });

  it("is given up when a server lets us in and says nothing", async () => {
    const young = createPool({ connectionString: proxy.url, max: 1 });
    proxy.delay(FOREVER_MS);
    const started = performance.now();
    await expect(sql`select 1`.execute(createDatabase(young))).rejects.toThrow(/timeout/);
    expect(performance.now() - started).toBeLessThan(4_500);
    await young.end();
  });

  it("row 56: slow lets callers pile up no further than their deadlines", async () => {
    await fillPool();
    proxy.throttle(8_000); // 64 kbit/s
    for (let nth = 0; nth < 3; nth++) {
      const answers = await Promise.all(
        Array.from({ length: 40 }, () => askOverHttp({ "connect-timeout-ms": "2000" })),
      );
      expect(Math.max(...answers.map(({ ms }) => ms))).toBeLessThan(3_000);
      expect(answers.some(({ code }) => code === undefined)).toBe(true);
      expect(doors.dispatcher.inFlight).toBeLessThanOrEqual(CONNECTIONS);
    }
    proxy.mend();
    await until("calls are served again", isServed, 2_000);
  });
});
