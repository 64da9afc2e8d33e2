import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { ownSecret } from "../../auth-secret.ts";
import { surroundings } from "../../config.ts";
import { type RunInfo, readRunFile, runFileOf } from "../../run-file.ts";

const PROGRAM = fileURLToPath(new URL("../bin.js", import.meta.url));
const START_MS = 60_000;
const STOP_MS = 30_000;
/** Starts in a row that came to nothing. */
const MAX_FAILURES = 20;
/** A day passes in a few seconds. */
const CARRIER_SPEED = "20000";

/** The service as a process of its own, on data of its own. Whatever ends it, it is started again. */
export class ServiceProcess {
  readonly dataDir: string;
  readonly secret: string;
  restarts = 0;
  /** Rejects when it can't be kept running. */
  readonly lost: Promise<never>;
  #info: RunInfo | undefined;
  #child: ChildProcess | undefined;
  /** Whoever was killed may leave servers behind that take a while to go: then a start may fail at first. */
  #killed = false;
  #stopped: Promise<void> | undefined;
  readonly #keeping: Promise<void>;

  private constructor(dataDir: string, secret: string) {
    this.dataDir = dataDir;
    this.secret = secret;
    this.#keeping = this.#keepUp();
    this.lost = this.#keeping.then(() => new Promise<never>(() => {}));
    this.lost.catch(() => {});
  }

  static async start(): Promise<ServiceProcess> {
    const dataDir = await mkdtemp(join(tmpdir(), "warehouse-demo-"));
    // Kept where the service would keep its own, so that whoever starts one on this data trusts the same tokens.
    const service = new ServiceProcess(dataDir, await ownSecret(dataDir));
    try {
      while (!service.#info) await Promise.race([delay(50), service.lost]);
      return service;
    } catch (error) {
      await service.stop();
      throw error;
    }
  }

  /** Where it is now; it may have moved since it was asked last. */
  get info(): RunInfo {
    if (!this.#info) throw new Error("the service is not running yet");
    return this.#info;
  }

  /** The hard way, as a power cut would. */
  kill(): void {
    this.#child?.kill("SIGKILL");
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    const child = this.#child;
    child?.kill("SIGTERM");
    const killer = setTimeout(() => child?.kill("SIGKILL"), STOP_MS);
    await this.#keeping.catch(() => {});
    clearTimeout(killer);
    const other = await readRunFile(runFileOf(this.dataDir));
    if (other) process.kill(other.pid, "SIGTERM"); // somebody else's, on data that is about to go
    while (await readRunFile(runFileOf(this.dataDir))) await delay(100);
    await rm(this.dataDir, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  }

  async #keepUp(): Promise<void> {
    for (let failures = 0; !this.#stopped; ) {
      const other = await readRunFile(runFileOf(this.dataDir));
      const worked = other ? await this.#follow(other) : await this.#run();
      failures = worked ? 0 : failures + 1;
      if (failures === MAX_FAILURES) throw new Error("the service does not start");
      if (this.#stopped) break;
      if (worked) console.error("\nthe service was ended; starting it again");
      if (worked) this.restarts += 1;
      else await delay(500);
    }
  }

  /** Somebody else was faster and has started it on our data: then that one is the service. */
  async #follow(other: RunInfo): Promise<boolean> {
    this.#info = other;
    while (!this.#stopped && (await readRunFile(runFileOf(this.dataDir)))) await delay(200);
    return true;
  }

  /** Runs it until it ends. False: it was never ready. */
  async #run(): Promise<boolean> {
    const readyFile = join(this.dataDir, "ready.json");
    await rm(readyFile, { force: true });
    if (this.#stopped) return false;
    const child = spawn(process.execPath, [PROGRAM, "serve", "--ready-file", readyFile], {
      env: { ...surroundings(), ...this.#settings() },
      stdio: ["ignore", "ignore", "inherit", "ipc"], // the channel: when the demo is killed, the service goes down
      detached: true, // Ctrl-C is ours to handle: the service goes down after the demo
    });
    this.#child = child;
    const ended = new Promise<void>((resolve) =>
      child.once("exit", () => resolve()).once("error", () => resolve()),
    );
    const ready = await Promise.race([ended.then(() => undefined), this.#awaitReady(readyFile, child)]);
    if (ready) this.#info = ready;
    else child.kill("SIGKILL");
    await ended;
    this.#killed ||= child.signalCode !== null;
    if (!this.#info && !this.#killed) throw new Error("the service does not start");
    return ready !== undefined;
  }

  async #awaitReady(readyFile: string, child: ChildProcess): Promise<RunInfo | undefined> {
    const deadline = Date.now() + START_MS;
    while (Date.now() < deadline && child.exitCode === null && child.signalCode === null) {
      const info = await readRunFile(readyFile);
      if (info && info.pid === child.pid) return info;
      await delay(50);
    }
    return undefined;
  }

  /** The ports stay over restarts, so that the devices find it again. */
  #settings(): Record<string, string> {
    return {
      DATA_DIR: this.dataDir,
      GRPC_PORT: String(this.#info?.grpcPort ?? 0),
      HTTP_PORT: String(this.#info?.httpPort ?? 0),
      MOCK_CARRIER_SPEED: CARRIER_SPEED,
      TRACKING_POLL_SECONDS: "0.5",
      LOG_LEVEL: "error",
    };
  }
}
