import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { surroundings } from "../../src/config.ts";
import type { RunInfo } from "../../src/run-file.ts";
import { until } from "./until.ts";

const PROGRAM = fileURLToPath(new URL("../../src/cli/bin.js", import.meta.url));

export interface Ended {
  /** Null when a signal ended it. */
  code: number | null;
  /** Since it was told to go. */
  ms: number;
}

/** The service as operators run it: a process of its own. */
export class ServiceProcess {
  readonly child: ChildProcess;
  readonly #dir: string;
  /** Everything that it has written. */
  output = "";

  private constructor(child: ChildProcess, dir: string) {
    this.child = child;
    this.#dir = dir;
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", (chunk) => {
        this.output += String(chunk);
      });
  }

  get #hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  static async spawn(environment: Record<string, string>): Promise<ServiceProcess> {
    const dir = await mkdtemp(join(tmpdir(), "warehouse-process-"));
    const defaults = { DATA_DIR: dir, GRPC_PORT: "0", HTTP_PORT: "0", AUTH: "none", DRAIN_SECONDS: "0.3" };
    const child = spawn(process.execPath, [PROGRAM, "serve", "--ready-file", join(dir, "ready.json")], {
      env: { ...surroundings(), ...defaults, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    return new ServiceProcess(child, dir);
  }

  /** Waits until it has opened its doors. */
  async ready(deadlineMs = 30_000): Promise<RunInfo> {
    const file = join(this.#dir, "ready.json");
    const read = async () =>
      this.#hasEnded ? ("ended" as const) : (JSON.parse(await readFile(file, "utf8")) as RunInfo);
    const info = await until("the service is ready", read, deadlineMs).catch(() => "silent" as const);
    if (typeof info === "string") throw new Error(`the service did not get ready: ${info}\n${this.output}`);
    return info;
  }

  async end(signal: NodeJS.Signals = "SIGTERM"): Promise<Ended> {
    const started = performance.now();
    this.child.kill(signal);
    if (!this.#hasEnded) await once(this.child, "exit");
    await rm(this.#dir, { recursive: true, force: true });
    return { code: this.child.exitCode, ms: performance.now() - started };
  }
}

/** A port that nobody has, for somebody who comes back to it. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}
