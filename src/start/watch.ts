import type { Config } from "../config.ts";
import type { Logger } from "../logger.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { platformRoutes } from "../telemetry/platform-routes.ts";
import type { Readiness } from "../telemetry/readiness.ts";
import { startWatchServer } from "../telemetry/watch-server.ts";
import { listening } from "./listening.ts";
import type { Opened } from "./opened.ts";

interface Watched {
  config: Config;
  logger: Logger;
  metrics: Metrics;
  readiness: () => Promise<Readiness>;
}

/** Lets a platform look at a process that callers don't come to, or come to by another port. Null: it isn't wanted. */
export async function openWatch(
  { config, logger, metrics, readiness }: Watched,
  opened: Opened,
): Promise<number | null> {
  if (config.METRICS_PORT === undefined) return null;
  const routes = platformRoutes(metrics, readiness);
  const onError = (error: unknown) =>
    logger.warn({ err: error }, "a platform's question could not be answered");
  const server = await listening("METRICS_PORT", config, (port) =>
    startWatchServer({ host: config.HOST, port, routes, onError }),
  );
  opened.add("connections", () => server.stop());
  return server.port;
}
