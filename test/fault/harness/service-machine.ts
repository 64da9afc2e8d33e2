import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { createServer } from "node:net";
import { constants } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { surroundings } from "../../../src/config.ts";
import { type RunInfo, readRunFile } from "../../../src/run-file.ts";
import { until } from "../../support/until.ts";

const PROGRAM = fileURLToPath(new URL("../../../src/cli/bin.js", import.meta.url));
const HOOK = fileURLToPath(new URL("./fault-hook.ts", import.meta.url));
const START_MS = 60_000;

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** What it said last. */
  last: string;
}

/** Whoever is killed, or asked to end while it starts or a second time, ends so: that is no crash. */
const AS_ASKED = [0, 128 + constants.signals.SIGTERM];
const SIGNALS = ["SIGKILL", "SIGTERM"];

export interface ServiceMachineOptions {
  name: string;
  dir: string;
  env: Record<string, string>;
}

/** One process of the service, started again by its platform whenever it ends. */
export class ServiceMachine {
  /** Ends that nobody asked for: crashes. A kill is not one. */
  readonly crashes: Exit[] = [];
  readonly name: string;
  grpcPort = 0;
  httpPort = 0;
  restarts = 0;
  readonly #options: ServiceMachineOptions;
  #child: ChildProcess | undefined;
  #wanted = true;
  #next: Record<string, string> = {};
  #keeping: Promise<void> = Promise.resolve();

  constructor(options: ServiceMachineOptions) {
    this.#options = options;
    this.name = options.name;
  }

  async start(): Promise<void> {
    [this.grpcPort, this.httpPort] = await Promise.all([freePort(), freePort()]);
    this.#keeping = this.#keepUp();
    await this.ready();
  }

  get pid(): number | undefined {
    return this.#child?.exitCode === null && this.#child.signalCode === null ? this.#child.pid : undefined;
  }

  get log(): string {
    return readFileSync(this.#logFile, "utf8");
  }

  /** When the process that is there now, or the next one, serves. */
  async ready(): Promise<RunInfo> {
    return until(
      `${this.name} is ready`,
      async () => {
        const info = await readRunFile(this.#readyFile);
        return info?.pid === this.pid && info;
      },
      START_MS,
    );
  }

  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name);
  }

  /** The next process that is started has these failpoints (see fault-hook.ts), and only that one. */
  plan(failpoints: string): void {
    this.#next = { ...this.#next, FAILPOINTS: failpoints };
  }

  /** The next process that is started has a clock that is so far off. */
  shiftClock(ms: number): void {
    this.#next = { ...this.#next, CLOCK_OFFSET_MS: String(ms) };
  }

  /** Stopped in its tracks, by itself or by us. */
  get frozen(): boolean {
    return this.pid !== undefined && stateOf(this.pid) === "T";
  }

  /** Ends this process at once, so that the next one comes, with the planned failpoints. */
  async replace(): Promise<void> {
    const before = this.restarts;
    this.signal("SIGKILL");
    await until(`${this.name} is replaced`, async () => this.restarts > before);
    await this.ready();
  }

  /** Keeps it down until `start` or `up`. */
  async down(name: NodeJS.Signals = "SIGTERM"): Promise<void> {
    this.#wanted = false;
    this.signal("SIGCONT");
    this.signal(name);
    await this.#keeping;
  }

  async up(): Promise<void> {
    if (!this.#wanted) {
      this.#wanted = true;
      this.#keeping = this.#keepUp();
    }
    this.signal("SIGCONT");
    await this.ready();
  }

  get #readyFile(): string {
    return join(this.#options.dir, `${this.name}.ready.json`);
  }

  get #logFile(): string {
    return join(this.#options.dir, `${this.name}.log`);
  }

  async #keepUp(): Promise<void> {
    while (this.#wanted) {
      const exit = await this.#run();
      this.restarts += 1;
      const asked = exit.signal ? SIGNALS.includes(exit.signal) : AS_ASKED.includes(exit.code ?? 0);
      if (this.#wanted && !asked) this.crashes.push(exit);
      if (this.#wanted) await delay(100);
    }
  }

  async #run(): Promise<Exit> {
    await rm(this.#readyFile, { force: true });
    const log = openSync(this.#logFile, "a");
    const env = { ...surroundings(), ...this.#options.env, ...this.#settings() };
    this.#next = {};
    const args = ["--import", HOOK, PROGRAM, "serve", "--ready-file", this.#readyFile];
    const child = spawn(process.execPath, args, { env, stdio: ["ignore", log, log, "ipc"] });
    closeSync(log);
    this.#child = child;
    return new Promise((resolve) => {
      child.once("exit", (code, signal) => resolve({ code, signal, last: lastLines(this.log) }));
    });
  }

  #settings(): Record<string, string> {
    return {
      GRPC_PORT: String(this.grpcPort),
      HTTP_PORT: String(this.httpPort),
      ...this.#next,
    };
  }
}

function lastLines(log: string): string {
  return log.trimEnd().split("\n").slice(-5).join("\n");
}

function stateOf(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  return stat.slice(stat.lastIndexOf(")") + 2)[0] ?? "";
}

/** Kept over restarts, so that the devices find the service again. */
async function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
