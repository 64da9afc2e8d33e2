import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { surroundings } from "../../config.ts";
import { type RunInfo, readRunFile } from "../../run-file.ts";

const PROGRAM = fileURLToPath(new URL("../bin.js", import.meta.url));
const START_MS = 60_000;
/** A day passes in a few seconds. */
const CARRIER_SPEED = "20000";

/** The service as a process of its own, which is started again when something kills it. */
export class ServiceProcess {
  readonly secret = randomBytes(32).toString("base64url");
  readonly dataDir: string;
  restarts = 0;
  #child: ChildProcess | undefined;
  #info: RunInfo | undefined;
  #stopping = false;

  private constructor(dataDir: string) {
    this.dataDir = dataDir;
  }

  static async start(): Promise<ServiceProcess> {
    const service = new ServiceProcess(await mkdtemp(join(tmpdir(), "warehouse-demo-")));
    await service.#launch();
    return service;
  }

  get info(): RunInfo {
    if (!this.#info) throw new Error("the service is not running");
    return this.#info;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    const child = this.#child;
    if (child?.exitCode === null && child.signalCode === null) {
      child.kill("SIGTERM");
      await new Promise((resolve) => child.once("exit", resolve));
    }
    await rm(this.dataDir, { recursive: true, force: true });
  }

  async #launch(): Promise<void> {
    const readyFile = join(this.dataDir, "ready.json");
    await rm(readyFile, { force: true });
    const child = spawn(process.execPath, [PROGRAM, "serve", "--ready-file", readyFile], {
      env: { ...surroundings(), ...this.#settings() },
      stdio: ["ignore", "ignore", "inherit"],
      detached: true, // Ctrl-C is ours to handle: the service goes down after the demo
    });
    this.#child = child;
    child.once("exit", (code, signal) => void this.#onExit(code, signal));
    const deadline = Date.now() + START_MS;
    for (;;) {
      const info = await readRunFile(readyFile);
      if (info && info.pid === child.pid) {
        this.#info = info;
        return;
      }
      if (child.exitCode !== null || child.signalCode !== null) throw new Error("the service did not start");
      if (Date.now() > deadline) throw new Error(`the service was not ready within ${START_MS / 1000} s`);
      await delay(50);
    }
  }

  async #onExit(code: number | null, signal: string | null): Promise<void> {
    if (this.#stopping || !this.#info) return;
    console.error(`the service ended (${signal ?? `exit code ${code}`}); starting it again`);
    this.restarts += 1;
    for (let attempt = 1; !this.#stopping; attempt++) {
      try {
        return await this.#launch();
      } catch (error) {
        if (attempt === 10) throw error;
        await delay(500); // its servers may still be going down
      }
    }
  }

  /** The ports stay over restarts, so that the devices find it again. */
  #settings(): Record<string, string> {
    return {
      DATA_DIR: this.dataDir,
      GRPC_PORT: String(this.#info?.grpcPort ?? 0),
      HTTP_PORT: String(this.#info?.httpPort ?? 0),
      AUTH_SECRET: this.secret,
      MOCK_CARRIER_SPEED: CARRIER_SPEED,
      TRACKING_POLL_SECONDS: "0.5",
      LOG_LEVEL: "error",
    };
  }
}
