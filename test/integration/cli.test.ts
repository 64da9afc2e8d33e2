import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, stat } from "node:fs/promises";
import { createServer } from "node:net";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { type TestRedis, testRedis } from "../support/redis.ts";
import { until } from "../support/until.ts";

const PROGRAM = fileURLToPath(new URL("../../src/cli/bin.js", import.meta.url));
const SECRET = "a secret of the tests, longer than 32 characters";

let database: TestDatabase;
let redis: TestRedis;
let dataDir: string;
let environment: NodeJS.ProcessEnv;
const children: ChildProcess[] = [];

beforeAll(async () => {
  [database, redis] = await Promise.all([testDatabase(), testRedis()]);
  dataDir = await mkdtemp(join(tmpdir(), "warehouse-cli-"));
  environment = {
    PATH: process.env["PATH"],
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    DATA_DIR: dataDir,
    AUTH_SECRET: SECRET,
    GRPC_PORT: "0",
    HTTP_PORT: "0",
    DRAIN_SECONDS: "0",
  };
});

afterAll(async () => {
  for (const child of children) child.kill("SIGKILL");
  await Promise.all([database.close(), redis.close()]);
});

interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

function warehouse(args: string[], overrides: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  return new Promise((resolve) => {
    const env = { ...environment, ...overrides };
    execFile(process.execPath, [PROGRAM, ...args], { env, timeout: 50_000 }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code ?? -1) : 0, stdout, stderr });
    });
  });
}

interface Ready {
  pid: number;
  grpcPort: number;
  httpPort: number;
  metricsPort: number | null;
  redisUrl: string;
}

async function serve(
  name: string,
  overrides: NodeJS.ProcessEnv = {},
): Promise<{ child: ChildProcess; ready: Ready }> {
  const readyFile = join(dataDir, `${name}.json`);
  const env = { ...environment, ...overrides };
  const child = spawn(process.execPath, [PROGRAM, "serve", "--ready-file", readyFile], {
    env,
    stdio: "ignore",
  });
  children.push(child);
  const text = await until("the service is ready", () => readFile(readyFile, "utf8"), 30_000);
  return { child, ready: JSON.parse(text) };
}

async function exitOf(child: ChildProcess): Promise<number | null> {
  return child.exitCode ?? ((await once(child, "exit")) as [number | null])[0];
}

describe("warehouse serve", () => {
  it("says where it is, serves who has a token, and goes down at one signal", async () => {
    const { child, ready } = await serve("one");
    expect(ready.pid).toBe(child.pid);
    expect((await stat(join(dataDir, "one.json"))).mode & 0o777).toBe(0o600);
    const base = `http://127.0.0.1:${ready.httpPort}`;
    const readyz = await until("the loops run", async () => {
      const answer = await fetch(`${base}/readyz`);
      return answer.status === 200 && answer.json();
    });
    expect(readyz).toEqual({
      ready: true,
      checks: Object.fromEntries(
        ["service", "database", "consumer", "relay", "jobs"].map((name) => [name, { ok: true }]),
      ),
    });
    const { stdout: token } = await warehouse(["token", "issue", "--role", "service"]);
    const verified = await fetch(`${base}/wms.v1.OperationsService/Verify`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${token.trim()}` },
      body: "{}",
    });
    expect(await verified.json()).toMatchObject({ ok: true });
    child.kill("SIGINT");
    child.kill("SIGINT"); // the same Ctrl-C, through another door
    expect(await exitOf(child)).toBe(0);
  });

  it("ends at once when asked again", async () => {
    const { child } = await serve("two", { DRAIN_SECONDS: "60" });
    child.kill("SIGTERM");
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    expect(child.exitCode).toBeNull(); // callers are given time to go elsewhere
    child.kill("SIGTERM");
    expect(await exitOf(child)).toBe(128 + constants.signals.SIGTERM);
  });

  it("runs only the parts that it was told to", async () => {
    const { child, ready } = await serve("three", { ROLES: "relay" });
    expect(ready).toMatchObject({ grpcPort: null, httpPort: null, metricsPort: null });
    child.kill("SIGTERM");
    expect(await exitOf(child)).toBe(0);
  });

  it("lets a platform look at a process that takes no calls", async () => {
    const { child, ready } = await serve("four", { ROLES: "relay", METRICS_PORT: "0" });
    const ask = (path: string) => fetch(`http://127.0.0.1:${ready.metricsPort}${path}`);
    expect((await ask("/livez")).status).toBe(200);
    await until("it is ready", async () => (await ask("/readyz")).ok);
    await until("it leads", async () => /^wms_relay_leader 1$/m.test(await (await ask("/metrics")).text()));
    expect((await ask("/wms.v1.OperationsService/ListAlerts")).status).toBe(404);
    child.kill("SIGTERM");
    expect(await exitOf(child)).toBe(0);
  });

  it("refuses a port that somebody has, and leaves nothing running", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const port = String((taken.address() as { port: number }).port);
    const { code, stderr } = await warehouse(["serve"], { GRPC_PORT: port });
    expect(code).toBe(1);
    expect(stderr).toBe(
      `warehouse: GRPC_PORT: 127.0.0.1:${port} can't be listened on (EADDRINUSE); 0 takes a free port\n`,
    );
    taken.close();
  });

  it("refuses to start without a key, on a database that is not there, or with a wrong setting", async () => {
    const missing = new URL(database.url);
    missing.pathname = "/nowhere";
    const [noKey, noDatabase, wrong] = await Promise.all([
      warehouse(["serve"], { AUTH_SECRET: "" }),
      warehouse(["serve"], { DATABASE_URL: missing.href }),
      warehouse(["serve"], { ROLES: "all" }),
    ]);
    expect(noKey.stderr).toMatch(/^warehouse: AUTH_SECRET: .*\n$/);
    expect(noDatabase.stderr).toMatch(
      /^warehouse: PostgreSQL at 127.0.0.1:\d+ can't be used: .*does not exist\n$/,
    );
    expect(wrong.stderr).toMatch(/^warehouse: ROLES: must be a list of .*\n$/);
    expect([noKey.code, noDatabase.code, wrong.code]).toEqual([1, 1, 1]);
  });
});

describe("warehouse verify", () => {
  it("prints every law, and fails when one is broken", async () => {
    const good = await warehouse(["verify"], { AUTH_SECRET: "" }); // needs no key
    expect(good).toMatchObject({ code: 0, stderr: "" });
    expect(good.stdout).toMatch(/^ok {5}law 1: /m);
    await database.pool.query(`
      with house as (insert into warehouses (code, name) values ('V', 'V') returning id),
        place as (insert into locations (warehouse_id, code, barcode) select id, 'v', 'v' from house returning id, warehouse_id),
        thing as (insert into listings (listing_id, sku) values (1, 'one') returning listing_id)
      insert into product_locations (listing_id, warehouse_id, location_id, quantity, received_at, for_sale)
      select listing_id, warehouse_id, place.id, 3, now(), true from place, thing`);
    const bad = await warehouse(["verify"]);
    expect(bad.code).toBe(1);
    expect(bad.stdout).toMatch(
      /^BROKEN law 1: .*\n +product location \d+ has 3 units, its movements say 0$/m,
    );
  });
});

describe("warehouse token issue", () => {
  it.each([
    [["--role", "worker"], /--worker-id/],
    [["--role", "admin", "--worker-id", "7"], /--worker-id/],
    [["--role", "admin", "--expires", "soon"], /--expires/],
    [["--role", "king"], /--role/],
  ])("refuses %j", async (args, message) => {
    const { code, stderr } = await warehouse(["token", "issue", ...args]);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(message);
  });

  it("makes a secret once, for its owner's eyes only", async () => {
    const own = { DATABASE_URL: "", AUTH_SECRET: "" };
    const issue = () => warehouse(["token", "issue", "--role", "worker", "--worker-id", "7"], own);
    const [one, two] = await Promise.all([issue(), issue()]);
    expect(one.stdout.split(".")).toHaveLength(3);
    expect(two.code).toBe(0);
    expect((await stat(join(dataDir, "auth-secret"))).mode & 0o777).toBe(0o600);
  });
});

describe("warehouse --help", () => {
  it.each([[], ["serve"], ["migrate"], ["demo"], ["token", "issue"], ["dlq"], ["dlq", "list"], ["verify"]])(
    "explains %s %s",
    async (...args) => {
      const { code, stdout } = await warehouse([...args.filter(Boolean), "--help"]);
      expect(code).toBe(0);
      expect(stdout).toMatch(/^Usage: warehouse/);
    },
  );
});
