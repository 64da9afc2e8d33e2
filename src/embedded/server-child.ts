import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { identify, type ProcessIdentity, parseIdentity, signal } from "./process-identity.ts";
import { waitUntil } from "./wait-until.ts";

/** A server that we start, and what it takes to end it well. */
export type ServerKind = { name: "postgres" | "redis"; stopSignal: NodeJS.Signals };
export const POSTGRES: ServerKind = { name: "postgres", stopSignal: "SIGINT" };
export const REDIS: ServerKind = { name: "redis", stopSignal: "SIGTERM" };

export type RunAs = { uid: number; gid: number };
export type ServerChild = { identity: ProcessIdentity; hasEnded: () => boolean; stop: () => Promise<void> };

const STOP_DEADLINE_MS = 30_000;
const LOG_LIMIT_BYTES = 10_000_000;

const pidFile = (dataDir: string, kind: ServerKind) => join(dataDir, `${kind.name}.pid.json`);
const logFile = (dataDir: string, kind: ServerKind) => join(dataDir, `${kind.name}.log`);

/** Asks politely, then, after the deadline, no more. */
export async function stopServer(kind: ServerKind, identity: ProcessIdentity): Promise<void> {
  if (!signal(identity, kind.stopSignal)) return;
  // Signal 0 goes by way of isAlive, so a process id used again is not waited for.
  const ended = await waitUntil(() => !signal(identity, 0 as never), STOP_DEADLINE_MS);
  if (!ended) signal(identity, "SIGKILL");
}

/** Ends the server that an owner left behind when it was killed. */
export async function stopLeftover(dataDir: string, kind: ServerKind): Promise<boolean> {
  const file = pidFile(dataDir, kind);
  let identity: ProcessIdentity | undefined;
  try {
    identity = parseIdentity(readFileSync(file, "utf8"));
  } catch {
    return false;
  }
  const wasAlive = identity !== undefined && signal(identity, kind.stopSignal);
  if (identity) await stopServer(kind, identity);
  rmSync(file, { force: true });
  return wasAlive;
}

export function readLogTail(dataDir: string, kind: ServerKind): string {
  return readFileSync(logFile(dataDir, kind), "utf8").trimEnd().split("\n").slice(-5).join("\n");
}

function openLog(dataDir: string, kind: ServerKind): number {
  const file = logFile(dataDir, kind);
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size > LOG_LIMIT_BYTES) renameSync(file, `${file}.old`);
  return openSync(file, "a", 0o600);
}
