import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { identify, isAlive, parseIdentity } from "./embedded/process-identity.ts";

/** Where a running service can be reached: for the other commands, and for whoever started it. */
export interface RunInfo {
  pid: number;
  grpcPort: number | null;
  httpPort: number | null;
  /** Where a platform looks; null: only the HTTP port has it. */
  metricsPort: number | null;
  databaseUrl: string;
  redisUrl: string;
}

export function runFileOf(dataDir: string): string {
  return join(dataDir, "run.json");
}

/** Written whole or not at all; it holds credentials, so only its owner reads it. */
export async function writeRunFile(path: string, info: RunInfo): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, JSON.stringify({ ...info, ...identify(info.pid) }), { mode: 0o600 });
  await rename(draft, path);
}

/** The service that is running on this data directory, if one is. */
export async function readRunFile(path: string): Promise<RunInfo | undefined> {
  const text = await readFile(path, "utf8").catch(unlessMissing);
  const identity = text === undefined ? undefined : parseIdentity(text);
  return identity && isAlive(identity) ? (JSON.parse(text as string) as RunInfo) : undefined;
}

/** A file that is there and can't be read is no sign that nothing runs. */
function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
}

export async function removeRunFile(path: string): Promise<void> {
  await rm(path, { force: true });
}
