import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import type pg from "pg";
import { createDatabase, createPool, type Database } from "../../../src/db/database.ts";
import type { Role } from "../../../src/domain/ownership.ts";
import { issueToken } from "../../../src/rpc/issue-token.ts";
import { ServerMachine } from "./server-machine.ts";
import { ServiceMachine } from "./service-machine.ts";

const SECRET = "a secret of the fault tests, longer than 32 characters";

/** Who does what: every role is there twice at least, and no two processes are alike. */
const MIXED_ROLES = [
  "grpc,http,consumer,relay,jobs",
  "grpc,http,consumer,jobs",
  "grpc,http,consumer,relay",
] as const;

export interface ClusterOptions {
  /** Of the services. */
  settings?: Record<string, string>;
  roles?: readonly string[];
  /** Sizes of disks that can be full. */
  disks?: { postgres?: string; redis?: string };
}

/** An installation with everything that can break: PostgreSQL, Redis and three processes of the service. */
export class Cluster {
  readonly postgres: ServerMachine;
  readonly redis: ServerMachine;
  readonly services: readonly ServiceMachine[];
  readonly #dir: string;
  #pool: { url: string; pool: pg.Pool; db: Database } | undefined;

  private constructor(
    dir: string,
    { postgres, redis, services }: Pick<Cluster, "postgres" | "redis" | "services">,
  ) {
    this.#dir = dir;
    this.postgres = postgres;
    this.redis = redis;
    this.services = services;
  }

  static async start({
    settings = {},
    roles = MIXED_ROLES,
    disks = {},
  }: ClusterOptions = {}): Promise<Cluster> {
    const dir = await mkdtemp(join(tmpdir(), "warehouse-fault-"));
    const [postgres, redis] = await Promise.all([
      ServerMachine.start("postgres", disks.postgres),
      ServerMachine.start("redis", disks.redis),
    ]);
    const env = {
      DATABASE_URL: postgres.url,
      REDIS_URL: redis.url,
      AUTH_SECRET: SECRET,
      DATA_DIR: dir,
      LOG_LEVEL: "info",
      DRAIN_SECONDS: "0.3",
      TRACKING_POLL_SECONDS: "0.3",
      MOCK_CARRIER_SPEED: "1000000",
      ...settings,
    };
    const services = roles.map(
      (role, nth) => new ServiceMachine({ name: `service-${nth}`, dir, env: { ...env, ROLES: role } }),
    );
    const cluster = new Cluster(dir, { postgres, redis, services });
    try {
      await Promise.all(services.map((service) => service.start()));
    } catch (error) {
      const logs = cluster.logs();
      await cluster.discard();
      throw new Error(`the cluster does not start: ${logs}`, { cause: error });
    }
    return cluster;
  }

  /** The truth, by a way that no fault is on. */
  get db(): Database {
    if (this.#pool?.url !== this.postgres.directUrl) {
      void this.#pool?.pool.end().catch(() => {});
      const url = this.postgres.directUrl;
      const pool = createPool({ connectionString: url, max: 4, applicationName: "fault-checks" });
      this.#pool = { url, pool, db: createDatabase(pool) };
    }
    return this.#pool.db;
  }

  async withRedis<T>(use: (redis: Redis) => Promise<T>): Promise<T> {
    const redis = new Redis(this.redis.directUrl, { maxRetriesPerRequest: 1 });
    redis.on("error", () => {});
    try {
      return await use(redis);
    } finally {
      redis.disconnect();
    }
  }

  /** Work that needs the servers themselves is done again when somebody has killed one of them meanwhile. */
  async steadily<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      const before = [this.postgres.pid, this.redis.pid];
      try {
        return await work();
      } catch (error) {
        await Promise.all([this.postgres.revive(), this.redis.revive()]);
        if (before.includes(this.postgres.pid) && before.includes(this.redis.pid)) throw error;
      }
    }
  }

  /** Whose turn it is: devices go from one process to the next when one does not answer. */
  addresses(start: number): () => string {
    let turn = start;
    return () => `127.0.0.1:${this.services[turn++ % this.services.length]?.grpcPort}`;
  }

  tokenOf(role: Role, workerId?: bigint): Promise<string> {
    const subject = workerId === undefined ? role : `worker-${workerId}`;
    return issueToken(SECRET, { subject, role, workerId, expires: "1d" });
  }

  get crashes(): string[] {
    return this.services.flatMap(({ name, crashes }) =>
      crashes.map(({ code, signal, last }) => `${name} ended with ${signal ?? code}\n${last}`),
    );
  }

  /** What the services had to say, the last lines of each. */
  logs(lines = 6): string {
    const tail = (log: string) => log.trimEnd().split("\n").slice(-lines);
    return this.services
      .map(({ name, log }) => [`--- ${name}`, ...tail(log).map((line) => line.slice(0, 300))].join("\n"))
      .join("\n");
  }

  /** Everything works again from now on. */
  async heal(): Promise<void> {
    await Promise.all([this.postgres.heal(), this.redis.heal()]);
    await Promise.all(this.services.map((service) => service.up()));
  }

  async discard(): Promise<void> {
    await Promise.all(this.services.map((service) => service.down("SIGKILL")));
    await this.#pool?.pool.end().catch(() => {});
    await Promise.all([this.postgres.discard(), this.redis.discard()]);
    await rm(this.#dir, { recursive: true, force: true });
  }
}
