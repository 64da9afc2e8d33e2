import { randomUUID } from "node:crypto";
import { connect } from "node:net";
import * as grpc from "@grpc/grpc-js";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { WarehouseService } from "../../gen/wms/v1/warehouse_service_pb.js";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { TestClient } from "../support/doors.ts";
import { startProxy } from "../support/proxy.ts";
import { type TestRedis, testRedis } from "../support/redis.ts";
import { freePort, ServiceProcess } from "../support/service-process.ts";
import { until } from "../support/until.ts";
import { makeListings, makeWarehouses, stockOf, type TestWarehouse } from "../support/world.ts";

const { placeInventory } = WarehouseService.method;
/** Two restarts each. */
const ROUNDS = Number(process.env["DRAIN_ROUNDS"] ?? 3);
const CALLERS = 4;

let database: TestDatabase;
let redis: TestRedis;
let warehouse: TestWarehouse;
let environment: Record<string, string>;
const processes: ServiceProcess[] = [];

beforeAll(async () => {
  [database, redis] = await Promise.all([testDatabase(), testRedis()]);
  environment = { DATABASE_URL: database.url, REDIS_URL: redis.url };
  [warehouse] = (await makeWarehouses(database.db)) as [TestWarehouse];
  await makeListings(database.db, [1n, 2n]);
});

afterEach(async () => {
  await Promise.all(processes.splice(0).map((process) => process.end("SIGKILL")));
});

afterAll(async () => {
  await Promise.all([database.close(), redis.close()]);
});

async function start(more: Record<string, string> = {}): Promise<ServiceProcess> {
  const process = await ServiceProcess.spawn({ ...environment, ...more });
  processes.push(process);
  return process;
}

/** Two processes, each of which comes back to its own ports. */
async function openSlots() {
  const slots = await Promise.all(
    [1, 2].map(async () => {
      const ports = { GRPC_PORT: String(await freePort()), HTTP_PORT: String(await freePort()) };
      const process = await start(ports);
      await process.ready();
      return { ports, process };
    }),
  );
  const grpcTarget = `ipv4:${slots.map(({ ports }) => `127.0.0.1:${ports.GRPC_PORT}`).join(",")}`;
  const httpUrls = slots.map(({ ports }) => `http://127.0.0.1:${ports.HTTP_PORT}`);
  return { slots, grpcTarget, httpUrls };
}

type Caller = (requestId: string, isRetry: boolean) => Promise<void>;

/** Each call is tried once more when it was told UNAVAILABLE, or when nobody was there. */
async function callOnAndOn(call: Caller, over: AbortSignal) {
  const outcome = { done: 0, retried: 0, failed: [] as unknown[] };
  while (!over.aborted) {
    const requestId = randomUUID();
    try {
      await call(requestId, false).catch((error: unknown) => {
        if (!isUnavailable(error)) throw error;
        outcome.retried += 1;
        return call(requestId, true);
      });
      outcome.done += 1;
    } catch (error) {
      outcome.failed.push(error);
    }
  }
  return outcome;
}

function isUnavailable(error: unknown): boolean {
  return (error as { code?: unknown }).code === grpc.status.UNAVAILABLE || error instanceof TypeError;
}

function request(listingId: bigint, requestId: string) {
  return {
    listingId,
    warehouseId: warehouse.id,
    locationId: warehouse.bins[0] as bigint,
    quantity: 1,
    requestId,
  };
}

/** Stays with one process until that one is not there. */
function httpCaller(urls: readonly string[]): Caller {
  let turn = 0;
  return async (requestId, isRetry) => {
    if (isRetry) turn += 1;
    const { listingId, warehouseId, locationId, quantity } = request(2n, requestId);
    const body = { listingId: `${listingId}`, warehouseId: `${warehouseId}`, locationId: `${locationId}` };
    const response = await fetch(`${urls[turn % urls.length]}/wms.v1.WarehouseService/PlaceInventory`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ...body, quantity, requestId }),
    });
    const text = await response.text();
    if (response.status === 503) throw Object.assign(new Error(text), { code: grpc.status.UNAVAILABLE });
    if (!response.ok) throw new Error(`${response.status}: ${text}`);
  };
}

describe("a service that is told to go", () => {
  it("row 55: fails no call when processes are replaced one after another under load", async () => {
    const { slots, grpcTarget, httpUrls } = await openSlots();
    const client = new TestClient(grpcTarget, undefined, {
      "grpc.service_config": JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }),
      "grpc.initial_reconnect_backoff_ms": 100,
      "grpc.max_reconnect_backoff_ms": 500,
    });
    const byGrpc: Caller = async (requestId, waitForReady) => {
      await client.call(placeInventory, request(1n, requestId), { waitForReady });
    };
    const over = new AbortController();
    const load = Array.from({ length: CALLERS }, (_, nth) =>
      callOnAndOn(nth % 2 === 0 ? byGrpc : httpCaller(httpUrls), over.signal),
    );
    for (let round = 0; round < ROUNDS; round++)
      for (const slot of slots) {
        const { code, ms } = await slot.process.end();
        expect({ code, output: slot.process.output.match(/Warning.*/g) }).toEqual({ code: 0, output: null });
        expect(ms).toBeLessThan(25_000);
        slot.process = await start(slot.ports);
        await slot.process.ready();
      }
    over.abort();
    const outcomes = await Promise.all(load);
    client.close();
    console.log(outcomes.map(({ done, retried }) => `${done} calls, ${retried} of them retried`).join("; "));
    expect(outcomes.flatMap(({ failed }) => failed)).toEqual([]);
    const done = (nth: number) => outcomes.reduce((sum, one, i) => sum + (i % 2 === nth ? one.done : 0), 0);
    expect((await stockOf(database.db, 1n)).quantity).toBe(done(0));
    expect((await stockOf(database.db, 2n)).quantity).toBe(done(1));
  }, 240_000);

  it("sends callers elsewhere first, and serves them until then", async () => {
    const process = await start({ DRAIN_SECONDS: "2" });
    const { httpPort, grpcPort } = await process.ready();
    const client = new TestClient(`127.0.0.1:${grpcPort}`);
    const ask = (path: string) => fetch(`http://127.0.0.1:${httpPort}${path}`);
    const calls = await ask("/readyz/calls");
    expect([calls.status, calls.headers.get("connection")]).toEqual([200, "keep-alive"]);
    const ended = process.end();
    await until("it is not ready any more", async () => (await ask("/readyz")).status === 503);
    const [, leaving] = [
      await client.call(placeInventory, request(1n, randomUUID())),
      await ask("/readyz/calls"),
    ];
    expect([leaving.status, leaving.headers.get("connection")]).toEqual([503, "close"]);
    expect(await ended).toMatchObject({ code: 0, ms: expect.toSatisfy((ms: number) => ms > 2_000) });
    client.close();
  });

  it("is gone within 25 seconds whoever holds on to it", async () => {
    const process = await start();
    const { httpPort } = await process.ready();
    const slow = connect(httpPort as number, "127.0.0.1");
    slow.on("error", () => {});
    slow.write("POST /wms.v1.WarehouseService/GetStock HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{");
    const { code, ms } = await process.end();
    expect(code).toBe(0);
    expect(ms).toBeLessThan(25_000 - 5_000); // by default, it serves five seconds more
    slow.destroy();
  });
});

describe("a service that is started before its servers", () => {
  it.each(["DATABASE_URL", "REDIS_URL"])(
    "waits for %s, says so, and is ready when it comes up",
    async (name) => {
      const proxy = await startProxy(environment[name] as string);
      proxy.cut();
      const process = await start({ [name]: proxy.url });
      const lines = () => process.output.match(/waiting for (PostgreSQL|Redis) at 127.0.0.1:\d+/g) ?? [];
      await until("it says for the second time what it waits for", async () => lines().length >= 2, 15_000);
      expect(process.child.exitCode).toBeNull();
      proxy.mend();
      await process.ready();
      expect(await process.end()).toMatchObject({ code: 0 });
      await proxy.close();
    },
  );

  it("can be told to go while it waits", async () => {
    const proxy = await startProxy(environment["DATABASE_URL"] as string);
    proxy.cut();
    const process = await start({ DATABASE_URL: proxy.url });
    await until("it waits", async () => process.output.includes("waiting for PostgreSQL"), 15_000);
    expect(await process.end()).toMatchObject({ code: 0, ms: expect.toSatisfy((ms: number) => ms < 5_000) });
    await proxy.close();
  });

  it("does not wait for what waiting won't mend", async () => {
    const url = new URL(environment["DATABASE_URL"] as string);
    url.username = "nobody_of_that_name";
    const process = await start({ DATABASE_URL: url.href, REDIS_URL: "redis://127.0.0.1:1" });
    await until("it has given up", async () => process.child.exitCode !== null, 15_000);
    expect(process.child.exitCode).toBe(1);
    expect(process.output).toMatch(/warehouse: PostgreSQL at .* can't be used: /);
  });
});

describe("readiness", () => {
  it("is lost when the loops don't come round, though calls are served, and comes back with Redis", async () => {
    const proxy = await startProxy(redis.url);
    const process = await start({ REDIS_URL: proxy.url });
    const { httpPort } = await process.ready();
    const ask = (path: string) => fetch(`http://127.0.0.1:${httpPort}${path}`);
    await until("it is ready", async () => (await ask("/readyz")).ok);
    proxy.cut();
    const stuck = await until(
      "it is not ready any more",
      async () => {
        const { checks } = (await (await ask("/readyz")).json()) as {
          checks: Record<string, { ok: boolean }>;
        };
        return !checks["consumer"]?.ok && !checks["relay"]?.ok && checks;
      },
      30_000,
    );
    expect(stuck).toMatchObject({ service: { ok: true }, database: { ok: true }, jobs: { ok: true } });
    expect((await ask("/readyz/calls")).status).toBe(200);
    await httpCaller([`http://127.0.0.1:${httpPort}`])(randomUUID(), false);
    proxy.mend();
    await until("it is ready again", async () => (await ask("/readyz")).ok, 15_000);
    await process.end();
    await proxy.close();
  });
});
