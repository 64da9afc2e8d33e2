import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, existsSync, mkdtempSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Redis } from "ioredis";
import { Client } from "pg";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startEmbedded } from "../../src/embedded/embedded.ts";
import { canReach } from "../../src/embedded/postgres-user.ts";
import { identify, isAlive, type ProcessIdentity } from "../../src/embedded/process-identity.ts";
import { waitUntil } from "../../src/embedded/wait-until.ts";

const nobody = { uid: 65534, gid: 65534 };
const isRoot = process.getuid?.() === 0;
const moduleUrl = new URL("../../src/embedded/embedded.ts", import.meta.url);

let home: string;
let dataDir: string;
let parents: ChildProcess[];

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "embedded-test-"));
  chmodSync(home, 0o755);
  dataDir = join(home, "data");
  parents = [];
});

afterEach(async () => {
  for (const parent of parents) parent.kill("SIGKILL");
  // What a failed test left running must not outlive its data.
  const leftovers = ["postgres", "redis"].map(readChild).filter((child) => child !== undefined);
  await waitUntil(() => !leftovers.some(isAlive), 10_000);
  rmSync(home, { recursive: true, force: true });
});

function readChild(name: string): ProcessIdentity | undefined {
  try {
    return JSON.parse(readFileSync(join(dataDir, `${name}.pid.json`), "utf8")) as ProcessIdentity;
  } catch {
    return undefined;
  }
}

const need = { postgres: true, redis: true };
const start = (log: (line: string) => void = () => {}) => startEmbedded({ dataDir, log, need, fast: true });

/** A service in a process of its own: it says "ready", and stops in order when its standard input ends. */
async function startParent(user?: typeof nobody) {
  const script = `
    const { startEmbedded } = await import(process.argv[1]);
    const dataDir = process.argv[2];
    const services = await startEmbedded({ dataDir, log() {}, need: { postgres: true, redis: true }, fast: true });
    console.log("ready");
    process.stdin.resume().on("end", () => services.stop());`;
  const args = ["--input-type=module", "-e", script, moduleUrl.href, dataDir];
  const parent = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"], cwd: "/", ...user });
  parents.push(parent);
  const exited = once(parent, "exit");
  const line = await Promise.race([
    once(createInterface({ input: parent.stdout }), "line"),
    exited.then(([code]) => [`exited with ${String(code)}`]),
  ]);
  expect(line).toEqual(["ready"]);
  const children = [readChild("postgres"), readChild("redis"), findWatchdog(parent.pid ?? 0)];
  return { parent, exited, children: children.filter((child) => child !== undefined) };
}

/** Of the children it is the one that has no pid file; only Linux tells who the children are without a tool. */
function findWatchdog(parent: number): ProcessIdentity | undefined {
  if (process.platform !== "linux") return undefined;
  const pids = readFileSync(`/proc/${parent}/task/${parent}/children`, "utf8").trim().split(" ").map(Number);
  const servers = [readChild("postgres")?.pid, readChild("redis")?.pid];
  const watchdog = pids.find((pid) => !servers.includes(pid));
  return watchdog === undefined ? undefined : identify(watchdog);
}

const expectedChildren = process.platform === "linux" ? 3 : 2;

async function query(url: string | undefined, text: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

async function withRedis<T>(url: string | undefined, use: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url ?? "", { maxRetriesPerRequest: 0 });
  // The rejected command tells the same; without a listener ioredis prints it too.
  redis.on("error", () => {});
  try {
    return await use(redis);
  } finally {
    redis.disconnect();
  }
}

describe("startEmbedded", () => {
  it("keeps the data from one start to the next", async () => {
    const first = await start();
    await query(first.databaseUrl, "create table parcels as select 'shelf 7' as place");
    await withRedis(first.redisUrl, (redis) => redis.set("parcel", "shelf 7"));
    await first.stop();

    const second = await start();
    expect(await query(second.databaseUrl, "select place from parcels")).toEqual([{ place: "shelf 7" }]);
    expect(await withRedis(second.redisUrl, (redis) => redis.get("parcel"))).toBe("shelf 7");
    await second.stop();
  });

  it("lets nobody in without the password", async () => {
    const services = await start();
    const databaseUrl = services.databaseUrl?.replace(/:[0-9a-f]+@/, ":guess@");
    await expect(query(databaseUrl, "select 1")).rejects.toThrow(/password authentication failed/);
    const { hostname, port } = new URL(services.redisUrl ?? "");
    await expect(withRedis(`redis://${hostname}:${port}`, (redis) => redis.ping())).rejects.toThrow(/NOAUTH/);
    await services.stop();
  });

  it("starts only what is needed", async () => {
    const services = await startEmbedded({ dataDir, log() {}, need: { postgres: false, redis: true } });
    expect(services.databaseUrl).toBeUndefined();
    expect(readChild("postgres")).toBeUndefined();
    await services.stop();
  });

  it("refuses a directory that a living process uses, and leaves that one alone", async () => {
    const services = await start();
    await expect(start()).rejects.toThrow(`${dataDir} is in use by process ${process.pid}`);
    expect(await query(services.databaseUrl, "select 1 as up")).toEqual([{ up: 1 }]);
    await services.stop();
  });

  it("leaves no process behind when it stops", async () => {
    const { parent, exited, children } = await startParent();
    expect(children).toHaveLength(expectedChildren);
    parent.stdin?.end();
    expect(await exited).toEqual([0, null]);
    expect(await waitUntil(() => !children.some(isAlive), 10_000)).toBe(true);
  });

  it("leaves no process behind when it is killed, and starts again", async () => {
    const { parent, exited, children } = await startParent();
    expect(children.filter(isAlive)).toHaveLength(expectedChildren);
    parent.kill("SIGKILL");
    await exited;
    expect(await waitUntil(() => !children.some(isAlive), 30_000)).toBe(true);

    const services = await start();
    expect(await query(services.databaseUrl, "select 1 as up")).toEqual([{ up: 1 }]);
    await services.stop();
  });

  it.runIf(process.platform === "linux")(
    "cleans up at the next start when the watchdog died too",
    async () => {
      const { parent, exited, children } = await startParent();
      process.kill(children.at(2)?.pid ?? Number.NaN, "SIGKILL");
      parent.kill("SIGKILL");
      await exited;

      const lines: string[] = [];
      const services = await start((line) => lines.push(line));
      expect(children.some(isAlive)).toBe(false);
      expect(lines).toContain("stopped the postgres that a killed process left behind");
      await services.stop();
    },
  );

  const reachable =
    isRoot && canReach(nobody, fileURLToPath(moduleUrl), "-r") && canReach(nobody, process.execPath, "-x");
  it.runIf(reachable)("works as an ordinary user, whose data root can go on with", async () => {
    chownSync(home, nobody.uid, nobody.gid);
    const { parent, exited } = await startParent(nobody);
    parent.stdin?.end();
    expect(await exited).toEqual([0, null]);

    const services = await start();
    expect(await query(services.databaseUrl, "select 1 as up")).toEqual([{ up: 1 }]);
    await services.stop();
  });

  it.runIf(isRoot)(
    "finds a place that Postgres' user can reach, says which, and removes it when told",
    async () => {
      chmodSync(home, 0o700);
      const lines: string[] = [];
      const log = (line: string) => lines.push(line);
      const services = await startEmbedded({ dataDir, log, need, fast: true, discard: true });
      const place = readlinkSync(join(dataDir, "postgres"));
      expect(lines[0]).toBe(`Postgres' user cannot reach ${dataDir}: its data goes to ${place}`);
      expect(await query(services.databaseUrl, "select 1 as up")).toEqual([{ up: 1 }]);
      await services.stop();
      expect([existsSync(dirname(place)), existsSync(dataDir)]).toEqual([false, false]);
    },
  );
});
