import { spawnSync } from "node:child_process";
import { chownSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { placeCluster, placePrograms } from "./postgres-files.ts";
import { choosePostgresUser, type RunAs } from "./postgres-user.ts";
import { loadPassword, withFreePort } from "./private-values.ts";
import { type ServerChild, type ServerHome, startServer, waitForServer } from "./server-child.ts";

export type RunningServer = { url: string; child: ServerChild };

const settings = {
  listen_addresses: "127.0.0.1",
  // Only the port: a socket's path has a length limit that a deep data directory breaks.
  unix_socket_directories: "",
  max_connections: "200",
  shared_buffers: "256MB",
  timezone: "UTC",
  log_timezone: "UTC",
};
/** For tests, whose data may go with the machine's power. What was committed still outlives a killed server. */
const fastSettings = { fsync: "off", full_page_writes: "off" };

function giveTo(user: RunAs, path: string): void {
  if (user) chownSync(path, user.uid, user.gid);
}

/** initdb works aside, so that a cluster is either whole or not there. */
function initialise(cluster: string, programs: string, user: RunAs, password: string, fast: boolean): void {
  const unfinished = `${cluster}.new`;
  const secrets = mkdtempSync(join(tmpdir(), "warehouse-init-"));
  const passwordFile = join(secrets, "password");
  try {
    rmSync(unfinished, { recursive: true, force: true });
    mkdirSync(unfinished, { mode: 0o700 });
    writeFileSync(passwordFile, password, { mode: 0o600 });
    for (const path of [unfinished, secrets, passwordFile]) giveTo(user, path);
    const flags = [
      "--username=warehouse",
      "--auth=scram-sha-256",
      `--pwfile=${passwordFile}`,
      "--encoding=UTF8",
    ];
    // The builtin provider sorts the same on every machine.
    const locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"];
    const args = [`--pgdata=${unfinished}`, ...flags, ...locale, ...(fast ? ["--no-sync"] : [])];
    const { status, stderr, error } = spawnSync(join(programs, "initdb"), args, {
      ...user,
      encoding: "utf8",
      cwd: "/",
    });
    if (status !== 0) throw new Error(`initdb failed: ${error?.message ?? stderr.trim()}`);
    renameSync(unfinished, cluster);
  } finally {
    rmSync(secrets, { recursive: true, force: true });
  }
}

async function connects(connectionString: string): Promise<boolean> {
  const client = new Client({ connectionString });
  // A connection cut while the server starts is an answer, not an accident.
  client.on("error", () => {});
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}

async function ensureDatabase(connectionString: string): Promise<void> {
  const client = new Client({ connectionString });
  await client.connect();
  try {
    const { rowCount } = await client.query("select 1 from pg_database where datname = 'warehouse'");
    if (rowCount === 0) await client.query("create database warehouse");
  } finally {
    await client.end();
  }
}

/** A real PostgreSQL, private to the data directory: its own port and password, reachable from this machine only. */
export async function startPostgres(home: ServerHome): Promise<RunningServer> {
  const { dataDir, log, fast } = home;
  const password = loadPassword(join(dataDir, "postgres.password"));
  const user = choosePostgresUser(join(dataDir, "postgres"), log);
  const cluster = placeCluster(dataDir, user, log);
  const programs = placePrograms(dataDir, user, log);
  if (!existsSync(join(cluster, "PG_VERSION"))) {
    log(`creating a Postgres cluster in ${cluster}`);
    initialise(cluster, programs, user, password, fast);
  }
  const flags = Object.entries({ ...settings, ...(fast ? fastSettings : {}) });
  return withFreePort(async (port) => {
    const child = await startServer(home, "postgres", {
      file: join(programs, "postgres"),
      args: [
        "-D",
        cluster,
        "-p",
        String(port),
        ...flags.flatMap(([key, value]) => ["-c", `${key}=${value}`]),
      ],
      cwd: "/",
      ...(user ? { runAs: user } : {}),
    });
    const url = (database: string) => `postgres://warehouse:${password}@127.0.0.1:${port}/${database}`;
    await waitForServer(home, "postgres", child, () => connects(url("postgres")));
    await ensureDatabase(url("postgres"));
    return { url: url("warehouse"), child };
  });
}
