import { runMigrations } from "graphile-worker";
import type pg from "pg";
import { ownSecret } from "./auth-secret.ts";
import { createCarriers } from "./carriers/registry.ts";
import { createChannels } from "./channels/registry.ts";
import { type Config, ConfigError, requireTokenKeys } from "./config.ts";
import { setChannel } from "./db/channels.ts";
import { createDatabase, createPool, type Database } from "./db/database.ts";
import { findLabel } from "./db/labels.ts";
import { migrate } from "./db/migrate.ts";
import { awaitPostgres, awaitRedis, DependencyError, probeRedis } from "./dependencies.ts";
import { startEmbedded } from "./embedded/embedded.ts";
import { type Consumer, startConsumer } from "./events/consumer.ts";
import { orderEntryHandler } from "./events/order-consumer.ts";
import { type Relay, startRelay } from "./events/relay.ts";
import { type Jobs, startJobs } from "./jobs/jobs.ts";
import { renderLabel } from "./labels/render.ts";
import type { Logger } from "./logger.ts";
import { createAuthenticator } from "./rpc/auth.ts";
import { Dispatcher } from "./rpc/dispatcher.ts";
import { type GrpcServer, startGrpcServer } from "./rpc/grpc-server.ts";
import { type HttpServer, startHttpServer } from "./rpc/http-server.ts";
import { routeRpcs } from "./rpc/router.ts";
import { serviceHandlers } from "./rpc/service-handlers.ts";
import { type RunInfo, removeRunFile, runFileOf, writeRunFile } from "./run-file.ts";
import { createMetrics } from "./telemetry/metrics.ts";
import { createReadiness } from "./telemetry/readiness.ts";

/** How long running calls may take to finish when the service goes down; see MAX_STOP_MS in cli/serve.ts. */
const GRACE_MS = 20_000;
/**
 * Several processes have to fit into a server's usual hundred connections. A crowd that comes at once is served in
 * turn; whoever can't wait so long has a deadline of his own.
 */
const RPC_POOL = { max: 16, applicationName: "warehouse-rpc", waitMs: 20_000 };
/** A loop that has not come round for this long is stuck. */
const STUCK_MS = 15_000;

export interface Service {
  info: RunInfo;
  /** Says to health checks and /readyz that no more work should be sent here; what comes is still served. */
  leave(): void;
  /** Goes down in order: no new work, running work finished, connections closed, private servers stopped. */
  stop(): Promise<void>;
}

interface Urls {
  databaseUrl: string;
  redisUrl: string;
  stop(): Promise<void>;
}

/** Everything that a start has opened, to be closed in the reverse order, whatever happens. */
class Opened {
  readonly #closers: (() => Promise<unknown>)[] = [];

  add(close: () => Promise<unknown>): void {
    this.#closers.unshift(close);
  }

  /** One that fails does not keep the others open. */
  async closeAll(logger: Logger): Promise<void> {
    for (const close of this.#closers.splice(0)) {
      await close().catch((error: unknown) => logger.warn({ err: error }, "something did not close well"));
    }
  }
}

/** The composition root: config → parts by ROLES → running. */
export async function startService(config: Config, logger: Logger): Promise<Service> {
  requireTokenKeys(config);
  const opened = new Opened();
  const leaving = new AbortController();
  try {
    const info = await startParts(config, logger, opened, leaving.signal);
    return { info, leave: () => leaving.abort(), stop: () => opened.closeAll(logger) };
  } catch (error) {
    await opened.closeAll(logger);
    throw error;
  }
}

async function startParts(
  config: Config,
  logger: Logger,
  opened: Opened,
  leaving: AbortSignal,
): Promise<RunInfo> {
  const urls = await findServers(config, logger);
  opened.add(() => urls.stop());
  await Promise.all([awaitPostgres(urls.databaseUrl, logger), awaitRedis(urls.redisUrl, logger)]);
  await prepareDatabase(urls.databaseUrl, config, logger);
  const loops = await startLoops(config, urls, logger, opened);
  const ports = await startServers(config, urls, { logger, opened, loops, leaving });
  const info = { pid: process.pid, ...ports, databaseUrl: urls.databaseUrl, redisUrl: urls.redisUrl };
  if (config.DATABASE_URL !== undefined) return info; // whoever named the database can name it again
  await writeRunFile(runFileOf(config.DATA_DIR), info);
  opened.add(() => removeRunFile(runFileOf(config.DATA_DIR)));
  return info;
}

/** The servers that were named, or private ones. */
async function findServers(config: Config, logger: Logger): Promise<Urls> {
  const { DATABASE_URL, REDIS_URL, DATA_DIR } = config;
  const need = { postgres: DATABASE_URL === undefined, redis: REDIS_URL === undefined };
  if (!need.postgres && !need.redis)
    return { databaseUrl: DATABASE_URL as string, redisUrl: REDIS_URL as string, stop: async () => {} };
  const embedded = await startPrivate(DATA_DIR, need, logger);
  return {
    databaseUrl: DATABASE_URL ?? (embedded.databaseUrl as string),
    redisUrl: REDIS_URL ?? (embedded.redisUrl as string),
    stop: () => embedded.stop(),
  };
}

/** Private servers that can't be had are for the operator to mend: one line. */
async function startPrivate(dataDir: string, need: { postgres: boolean; redis: boolean }, logger: Logger) {
  try {
    return await startEmbedded({ dataDir, log: (line) => logger.info(line), need });
  } catch (error) {
    throw new DependencyError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

/** Brings the schema up to date; several processes may start at once. */
export async function prepareDatabase(databaseUrl: string, config: Config, logger: Logger): Promise<void> {
  const pool = createPool({ connectionString: databaseUrl, max: 1, applicationName: "warehouse-migrate" });
  try {
    const applied = await migrate(pool);
    if (applied.length > 0) logger.info({ applied }, "the database was migrated");
    await runMigrations({ connectionString: databaseUrl });
    await setChannel(createDatabase(pool), "listings", config.LISTINGS_URL !== undefined);
  } finally {
    await pool.end();
  }
}

interface Loops {
  consumer: Consumer | undefined;
  relay: Relay | undefined;
}

async function startLoops(config: Config, urls: Urls, logger: Logger, opened: Opened): Promise<Loops> {
  const has = (role: Config["ROLES"][number]) => config.ROLES.includes(role);
  const relay = has("relay") ? startRelay({ ...urls, logger }) : undefined;
  if (relay) opened.add(() => relay.stop()); // last to go: what the others still commit is published
  if (has("jobs")) {
    const { db } = openDatabase(urls, { max: 5, applicationName: "warehouse-jobs" }, opened);
    const jobs: Jobs = await startJobs({
      databaseUrl: urls.databaseUrl,
      db,
      logger,
      carriers: createCarriers({ mock: { speed: config.MOCK_CARRIER_SPEED, renderLabel } }),
      channels: createChannels({ listingsUrl: config.LISTINGS_URL }),
      trackingPollSeconds: config.TRACKING_POLL_SECONDS,
    });
    opened.add(() => jobs.stop());
  }
  if (!has("consumer")) return { consumer: undefined, relay };
  const { db } = openDatabase(urls, { max: 3, applicationName: "warehouse-consumer" }, opened);
  const handle = orderEntryHandler(db, logger);
  const consumer = startConsumer({ redisUrl: urls.redisUrl, db, logger, handle });
  opened.add(() => consumer.stop());
  return { consumer, relay };
}

function openDatabase(
  { databaseUrl }: Urls,
  options: { max: number; applicationName: string; waitMs?: number },
  opened: Opened,
): { db: Database; pool: pg.Pool } {
  const pool = createPool({ connectionString: databaseUrl, ...options });
  opened.add(() => pool.end());
  return { db: createDatabase(pool), pool };
}

interface Surroundings {
  logger: Logger;
  opened: Opened;
  loops: Loops;
  /** Aborted when this process is about to go down. */
  leaving: AbortSignal;
}

async function startServers(config: Config, urls: Urls, around: Surroundings) {
  const { logger, opened, leaving } = around;
  const wanted = config.ROLES.some((role) => role === "grpc" || role === "http");
  if (!wanted) return { grpcPort: null, httpPort: null };
  const { db } = openDatabase(urls, RPC_POOL, opened);
  const metrics = createMetrics();
  const authenticate = await authenticator(config, logger);
  const dispatcher = new Dispatcher({ authenticate, logger, metrics });
  opened.add(() => dispatcher.drained(GRACE_MS));
  const rpcs = routeRpcs(serviceHandlers({ db, logger }));
  const common = { host: config.HOST, rpcs, dispatcher, tls: config.tls };
  const servers: { grpc?: GrpcServer; http?: HttpServer } = {};
  opened.add(() => stopServers(servers, dispatcher));
  if (config.ROLES.includes("http")) {
    const readiness = readinessOf(urls, around);
    const label = async (package_id: bigint, authorization: string | undefined) => {
      await authenticate(authorization);
      return findLabel(db, package_id, "zpl");
    };
    const start = () =>
      startHttpServer({ ...common, port: config.HTTP_PORT, logger, metrics, readiness, label });
    servers.http = await listening("HTTP_PORT", config, start);
  }
  if (config.ROLES.includes("grpc")) {
    const reflection = config.REFLECTION === "on";
    const start = () => startGrpcServer({ ...common, port: config.GRPC_PORT, reflection });
    servers.grpc = await listening("GRPC_PORT", config, start);
  }
  leaving.addEventListener("abort", () => servers.grpc?.setServing(false));
  return { grpcPort: servers.grpc?.port ?? null, httpPort: servers.http?.port ?? null };
}

/** A port that somebody else has is a setting to change, not a fault of ours. */
async function listening<T>(
  name: "GRPC_PORT" | "HTTP_PORT",
  config: Config,
  start: () => Promise<T>,
): Promise<T> {
  try {
    return await start();
  } catch (error) {
    const reason = /EADDRINUSE|EACCES|EADDRNOTAVAIL|ENOTFOUND/.exec(String(error))?.[0];
    if (reason === undefined) throw error;
    throw new ConfigError(
      `${name}: ${config.HOST}:${config[name]} can't be listened on (${reason}); 0 takes a free port`,
    );
  }
}

/** Streams would last for ever; unary calls may finish. */
async function stopServers(servers: { grpc?: GrpcServer; http?: HttpServer }, dispatcher: Dispatcher) {
  servers.grpc?.setServing(false);
  dispatcher.endStreams();
  await Promise.all([servers.grpc?.stop(GRACE_MS), servers.http?.stop(GRACE_MS)]);
}

async function authenticator(config: Config, logger: Logger) {
  if (config.AUTH === "none") {
    logger.warn("AUTH=none: whoever reaches this port may do everything");
    return createAuthenticator({ mode: "none" });
  }
  const secret = config.AUTH_SECRET ?? (config.AUTH_JWKS ? undefined : await ownSecret(config.DATA_DIR));
  return createAuthenticator({ mode: "tokens", secret, jwks: config.AUTH_JWKS });
}

/** Ready means: what this process needs answers, and its loops come round. */
function readinessOf(urls: Urls, { loops, opened, leaving }: Surroundings) {
  const moving = (progress: () => { lastProgressAt: Date }) => () => {
    const idle = Date.now() - progress().lastProgressAt.getTime();
    return idle > STUCK_MS ? `no progress for ${Math.round(idle / 1000)} s` : undefined;
  };
  const { consumer, relay } = loops;
  const { pool } = openDatabase(urls, { max: 1, applicationName: "warehouse-health" }, opened); // never behind a crowd
  const redis = consumer || relay ? probeRedis(urls.redisUrl) : undefined;
  if (redis) opened.add(redis.close);
  return createReadiness({
    service: () => (leaving.aborted ? "going down" : undefined),
    database: async () => {
      await pool.query("select 1");
      return undefined;
    },
    ...(redis ? { redis: redis.check } : {}),
    ...(consumer ? { consumer: moving(() => consumer.progress()) } : {}),
    ...(relay ? { relay: moving(() => relay.progress()) } : {}),
  });
}
