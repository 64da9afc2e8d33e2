import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import type { Socket } from "node:net";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { claimDataDir } from "./owner.ts";
import { type RunningServer, startPostgres } from "./postgres.ts";
import { removeData } from "./postgres-files.ts";
import { startRedis } from "./redis.ts";
import { type ServerHome, stopLeftover } from "./server-child.ts";

export type EmbeddedOptions = {
  dataDir: string;
  log: (line: string) => void;
  need: { postgres: boolean; redis: boolean };
  /** No fsync: for tests only. */
  fast?: boolean;
  /** `stop()` removes the data, wherever it had to be put. */
  discard?: boolean;
};
export type EmbeddedServices = { databaseUrl?: string; redisUrl?: string; stop: () => Promise<void> };

/** See watchdog.ts. Started before the servers, so that none of them is ever without it. */
function startWatchdog(): { watch: ServerHome["watch"]; release: () => void } {
  const script = fileURLToPath(new URL("./watchdog.ts", import.meta.url));
  const child = spawn(process.execPath, [script], { detached: true, stdio: ["pipe", "ignore", "ignore"] });
  // Neither it nor its pipe keeps this process alive, and its death is no reason for ours.
  child.unref();
  (child.stdin as Socket).unref();
  child.on("error", () => {});
  child.stdin.on("error", () => {});
  return {
    watch: (name, identity) => child.stdin.write(`${JSON.stringify({ name, identity })}\n`),
    release: () => child.stdin.end(),
  };
}

/**
 * Postgres and Redis as children of this process, with their data in `dataDir`, which belongs to one process at a
 * time. They are gone after `stop()`, and also when this process is killed; what was left over is stopped first.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedServices> {
  const dataDir = resolve(options.dataDir);
  const { log, need, fast = false } = options;
  // Others may pass through it, as Postgres' user must, but not look around.
  mkdirSync(dataDir, { recursive: true, mode: 0o711 });
  const giveUpClaim = await claimDataDir(dataDir);
  const watchdog = startWatchdog();
  const running: RunningServer[] = [];
  const stop = async () => {
    for (const { child } of running.splice(0).reverse()) await child.stop();
    watchdog.release();
    await giveUpClaim();
    if (options.discard) removeData(dataDir);
  };
  const home: ServerHome = { dataDir, log, fast, watch: watchdog.watch };
  const start = async (server: (home: ServerHome) => Promise<RunningServer>) => {
    const started = await server(home);
    running.push(started);
    return started.url;
  };
  try {
    for (const name of ["postgres", "redis"] as const) {
      if (await stopLeftover(dataDir, name)) log(`stopped the ${name} that a killed process left behind`);
    }
    return {
      ...(need.postgres ? { databaseUrl: await start(startPostgres) } : {}),
      ...(need.redis ? { redisUrl: await start(startRedis) } : {}),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
