import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { identify, isAlive, type ProcessIdentity, parseIdentity, signal } from "./process-identity.ts";
import { waitUntil } from "./wait-until.ts";

/** How each server is told to end: for Postgres SIGINT is the fast shutdown, which does not wait for clients. */
export const stopSignals = { postgres: "SIGINT", redis: "SIGTERM" } as const;
export type ServerName = keyof typeof stopSignals;

/** What every server needs: where it leaves its traces, and who ends it should we be killed. */
export type ServerHome = {
  dataDir: string;
  log: (line: string) => void;
  fast: boolean;
  watch: (name: ServerName, identity: ProcessIdentity) => void;
};
export type ServerChild = { identity: ProcessIdentity; stop: () => Promise<void> };
export type ServerCommand = {
  file: string;
  args: readonly string[];
  argv0?: string;
  cwd?: string;
  runAs?: { uid: number; gid: number };
};

const STOP_DEADLINE_MS = 30_000;
const LOG_LIMIT_BYTES = 10_000_000;

const pidFile = (dataDir: string, name: ServerName) => join(dataDir, `${name}.pid.json`);
const logFile = (dataDir: string, name: ServerName) => join(dataDir, `${name}.log`);

/** Asks politely, and after the deadline no more. False when there was nothing to stop. */
export async function stopServer(name: ServerName, identity: ProcessIdentity): Promise<boolean> {
  if (!signal(identity, stopSignals[name])) return false;
  const ended = await waitUntil(() => !isAlive(identity), STOP_DEADLINE_MS);
  if (!ended) signal(identity, "SIGKILL");
  return true;
}

/** Ends the server that a killed owner left behind. */
export async function stopLeftover(dataDir: string, name: ServerName): Promise<boolean> {
  const file = pidFile(dataDir, name);
  if (!statSync(file, { throwIfNoEntry: false })) return false;
  const identity = parseIdentity(readFileSync(file, "utf8"));
  const stopped = identity !== undefined && (await stopServer(name, identity));
  rmSync(file, { force: true });
  return stopped;
}

function openLog(file: string): number {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size > LOG_LIMIT_BYTES) renameSync(file, `${file}.old`);
  return openSync(file, "a", 0o600);
}

/**
 * Starts a server in a process group of its own, so that Ctrl-C in the terminal reaches only us and we stop it
 * in order. It does not keep this process alive.
 */
export async function startServer(
  { dataDir, watch }: ServerHome,
  name: ServerName,
  command: ServerCommand,
): Promise<ServerChild> {
  const log = openLog(logFile(dataDir, name));
  const { file, args, runAs, ...options } = command;
  const child = spawn(file, args, { ...options, ...runAs, detached: true, stdio: ["ignore", log, log] });
  closeSync(log);
  await once(child, "spawn");
  child.unref();
  const identity = child.pid === undefined ? undefined : identify(child.pid);
  if (!identity) throw describeFailure(dataDir, name);
  watch(name, identity);
  writeFileSync(pidFile(dataDir, name), JSON.stringify(identity), { mode: 0o600 });
  const stop = async () => {
    await stopServer(name, identity);
    rmSync(pidFile(dataDir, name), { force: true });
  };
  return { identity, stop };
}

/** The server's own last words are the best explanation there is. */
function describeFailure(dataDir: string, name: ServerName): Error {
  const tail = readFileSync(logFile(dataDir, name), "utf8").trimEnd().split("\n").slice(-3).join(" | ");
  return new Error(`the embedded ${name} did not start: ${tail}`);
}

/** Waits until the server answers; one that ended or stays silent is stopped and reported. */
export async function waitForServer(
  { dataDir }: ServerHome,
  name: ServerName,
  child: ServerChild,
  answers: () => Promise<boolean>,
): Promise<void> {
  const settled = await waitUntil(async () => !isAlive(child.identity) || (await answers()), 60_000);
  if (settled && isAlive(child.identity)) return;
  await child.stop();
  throw describeFailure(dataDir, name);
}
