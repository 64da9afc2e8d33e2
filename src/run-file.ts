import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/** Where a running service can be reached: for the other commands, and for whoever started it. */
export interface RunInfo {
  pid: number;
  grpcPort: number | null;
  httpPort: number | null;
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
  await writeFile(draft, JSON.stringify(info), { mode: 0o600 });
  await rename(draft, path);
}

/** The service that is running on this data directory, if one is. */
export async function readRunFile(path: string): Promise<RunInfo | undefined> {
  try {
    const info = JSON.parse(await readFile(path, "utf8")) as RunInfo;
    process.kill(info.pid, 0);
    return info;
  } catch {
    return undefined;
  }
}

export async function removeRunFile(path: string): Promise<void> {
  await rm(path, { force: true });
}
