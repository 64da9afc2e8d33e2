import { execFileSync } from "node:child_process";
import { closeSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startPostgres } from "../../../src/embedded/postgres.ts";
import { isAlive, type ProcessIdentity } from "../../../src/embedded/process-identity.ts";
import { startRedis } from "../../../src/embedded/redis.ts";
import { type Proxy, startProxy } from "../../support/proxy.ts";
import { until } from "../../support/until.ts";

const STARTERS = { postgres: startPostgres, redis: startRedis } as const;

/**
 * A private PostgreSQL or Redis that things can happen to, behind a proxy whose address never changes. Its data stays
 * over kills, as on a machine whose process died: what the operating system had, it keeps.
 */
export class ServerMachine {
  readonly proxy: Proxy;
  readonly dataDir: string;
  readonly #name: keyof typeof STARTERS;
  #running: Started;
  #onOwnDisk = false;
  #reviving: Promise<void> | undefined;

  private constructor(name: keyof typeof STARTERS, dataDir: string, running: Started, proxy: Proxy) {
    this.#name = name;
    this.dataDir = dataDir;
    this.#running = running;
    this.proxy = proxy;
  }

  /** `diskSize`, such as 16m: on a disk of its own, which can be full. Only the system's administrator can have one. */
  static async start(name: keyof typeof STARTERS, diskSize?: string): Promise<ServerMachine> {
    const dataDir = await mkdtemp(join(tmpdir(), `warehouse-fault-${name}-`));
    if (diskSize) execFileSync("mount", ["-t", "tmpfs", "-o", `size=${diskSize}`, "tmpfs", dataDir]);
    await chmod(dataDir, 0o711); // Postgres' own user has to pass through
    const running = await startServer(name, dataDir);
    const machine = new ServerMachine(name, dataDir, running, await startProxy(running.url));
    machine.#onOwnDisk = diskSize !== undefined;
    return machine;
  }

  /** For whoever is not to suffer: the checks. */
  get directUrl(): string {
    return this.#running.url;
  }

  /** What the services are told. */
  get url(): string {
    return this.proxy.url;
  }

  get pid(): number {
    return this.#running.identity.pid;
  }

  get alive(): boolean {
    return isAlive(this.#running.identity);
  }

  /** kill -9, the children too. */
  async kill(): Promise<void> {
    const family = [this.pid, ...childrenOf(this.pid)];
    for (const pid of family) signal(pid, "SIGKILL");
    await until(`${this.#name} is dead`, async () => !this.alive);
    await until(`${this.#name} leaves nobody behind`, async () => family.every((pid) => !exists(pid)));
  }

  /** Whoever asks, and how many at once: it is started once. */
  revive(): Promise<void> {
    this.#reviving ??= this.#revive().finally(() => {
      this.#reviving = undefined;
    });
    return this.#reviving;
  }

  async #revive(): Promise<void> {
    for (let attempt = 1; !this.alive; attempt++) {
      try {
        this.#running = await startServer(this.#name, this.dataDir);
        this.proxy.retarget(this.#running.url);
      } catch (error) {
        if (attempt === 3) throw error; // else somebody may have killed it while it started
      }
    }
  }

  freeze(): void {
    for (const pid of [this.pid, ...childrenOf(this.pid)]) signal(pid, "SIGSTOP");
  }

  thaw(): void {
    for (const pid of [...childrenOf(this.pid), this.pid]) signal(pid, "SIGCONT");
  }

  /** Nothing fits on its disk any more, except for a few bytes. */
  fillDisk(): void {
    const file = openSync(this.#ballast, "w");
    const chunk = Buffer.alloc(64 * 1024);
    try {
      for (;;) writeSync(file, chunk);
    } catch {
      closeSync(file); // it is full, as it should be
    }
  }

  freeDisk(): void {
    rmSync(this.#ballast, { force: true });
  }

  get #ballast(): string {
    return join(this.dataDir, "ballast");
  }

  async heal(): Promise<void> {
    this.freeDisk();
    if (this.alive) this.thaw();
    await this.revive();
    this.proxy.mend();
  }

  async discard(): Promise<void> {
    await this.proxy.close();
    if (this.alive) this.thaw();
    await this.kill();
    if (this.#onOwnDisk) execFileSync("umount", [this.dataDir]);
    await rm(this.dataDir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}

type Started = { url: string; identity: ProcessIdentity };

async function startServer(name: keyof typeof STARTERS, dataDir: string): Promise<Started> {
  const home = { dataDir, log: () => {}, fast: true, watch: () => {} };
  const { url, child } = await STARTERS[name](home);
  return { url, identity: child.identity };
}

/** Linux tells them; nowhere else do these tests freeze a family of processes. */
function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended meanwhile, which is what a killer wants and a freezer need not mind.
  }
}

function exists(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2)[0] !== "Z";
  } catch {
    return false;
  }
}
