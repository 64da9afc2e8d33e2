import { ownSecret } from "../auth-secret.ts";
import type { Config } from "../config.ts";
import type { Database } from "../db/database.ts";
import type { Lag } from "../domain/lag.ts";
import type { Logger } from "../logger.ts";
import { createAuthenticator } from "../rpc/auth.ts";
import { Dispatcher } from "../rpc/dispatcher.ts";
import { type GrpcServer, startGrpcServer } from "../rpc/grpc-server.ts";
import { type HttpServer, startHttpServer } from "../rpc/http-server.ts";
import { createLabelRoute } from "../rpc/label-route.ts";
import { routeRpcs } from "../rpc/router.ts";
import { serviceHandlers } from "../rpc/service-handlers.ts";
import { createWebhookRoute, type WebhookRoute } from "../rpc/webhook-route.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { OutsideMetrics } from "../telemetry/outside-metrics.ts";
import { measureCalls } from "../telemetry/process-metrics.ts";
import type { Readiness } from "../telemetry/readiness.ts";
import { createWebhookMetrics } from "../telemetry/webhook-metrics.ts";
import { readCarrierRules } from "./carrier-rules.ts";
import { openLabelStore } from "./label-store.ts";
import { listening } from "./listening.ts";
import type { Opened } from "./opened.ts";
import { openOutside } from "./outside.ts";
import { openDatabase } from "./pools.ts";
import { openPrices } from "./prices.ts";
import type { Urls } from "./servers.ts";
import { openWebhooks, readingCarriers } from "./webhooks.ts";

/** What is left for handlers whose callers were cut off. */
const FORCED_MS = 1_000;

export interface DoorsOptions {
  config: Config;
  urls: Urls;
  logger: Logger;
  opened: Opened;
  metrics: Metrics;
  outsideMetrics: OutsideMetrics;
  readLag: (db: Database) => Promise<Lag>;
  readiness: () => Promise<Readiness>;
  /** Aborted when this process is about to go down. */
  leaving: AbortSignal;
}

interface Doors {
  grpc: GrpcServer | undefined;
  http: HttpServer | undefined;
}

/** The servers that callers come in by, as far as this process has them. */
export async function openDoors(options: DoorsOptions) {
  const { config, urls, logger, opened, metrics, leaving } = options;
  const wanted = config.ROLES.some((role) => role === "grpc" || role === "http");
  if (!wanted) return { grpcPort: null, httpPort: null };
  const { db } = openDatabase(urls.databaseUrl, "rpc", opened);
  const authenticate = await authenticator(config, logger);
  const dispatcher = new Dispatcher({ authenticate, logger, metrics });
  measureCalls(metrics.registry, dispatcher);
  const doors: Doors = { grpc: undefined, http: undefined };
  opened.add("work", (graceMs) => closeDoors(doors, dispatcher, graceMs));
  const wayOut = openOutside({ db, logger, metrics: options.outsideMetrics });
  const labelStore = openLabelStore(config, wayOut.outside);
  const carrierRules = readCarrierRules(config);
  const rpcs = routeRpcs(
    serviceHandlers({
      db,
      logger,
      labelStore,
      carrierRules,
      askPrices: await openPrices(config, carrierRules, { ...wayOut, db }),
      readStreamLag: () => options.readLag(db),
    }),
  );
  const common = { host: config.HOST, rpcs, dispatcher, tls: config.tls };
  const findLabelRoute = createLabelRoute({ db, authenticate, labelStore });
  const { readiness } = options;
  const findWebhookRoute = config.ROLES.includes("http") ? webhookRoute(options, db) : undefined;
  if (config.ROLES.includes("http"))
    doors.http = await listening("HTTP_PORT", config, (port) =>
      startHttpServer({ ...common, port, logger, metrics, readiness, findLabelRoute, findWebhookRoute }),
    );
  if (config.ROLES.includes("grpc"))
    doors.grpc = await listening("GRPC_PORT", config, (port) =>
      startGrpcServer({ ...common, port, reflection: config.REFLECTION === "on" }),
    );
  leaving.addEventListener("abort", () => {
    doors.grpc?.setServing(false);
    doors.http?.leave();
  });
  return { grpcPort: doors.grpc?.port ?? null, httpPort: doors.http?.port ?? null };
}

function webhookRoute({ config, logger, metrics, opened }: DoorsOptions, db: Database): WebhookRoute {
  const count = createWebhookMetrics(metrics.registry);
  const webhooks = openWebhooks({ db, carriers: readingCarriers(config), logger, count });
  opened.add("work", () => webhooks.stop());
  return createWebhookRoute(webhooks);
}

/** Streams would last for ever; unary calls may finish, also those whose callers have gone: they use the database. */
async function closeDoors({ grpc, http }: Doors, dispatcher: Dispatcher, graceMs: number): Promise<void> {
  grpc?.setServing(false);
  dispatcher.endStreams();
  const unforced = graceMs - FORCED_MS;
  await Promise.all([grpc?.stop(unforced), http?.stop(unforced)]);
  await dispatcher.drained(FORCED_MS);
}

async function authenticator(config: Config, logger: Logger) {
  if (config.AUTH === "none") {
    logger.warn("AUTH=none: whoever reaches this port may do everything");
    return createAuthenticator({ mode: "none" });
  }
  const secret = config.AUTH_SECRET ?? (config.AUTH_JWKS ? undefined : await ownSecret(config.DATA_DIR));
  return createAuthenticator({ mode: "tokens", secret, jwks: config.AUTH_JWKS });
}
