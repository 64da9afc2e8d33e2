import { type Config, requireTokenKeys } from "./config.ts";
import type { Logger } from "./logger.ts";
import { type RunInfo, removeRunFile, runFileOf, writeRunFile } from "./run-file.ts";
import { readCarrierRules } from "./start/carrier-rules.ts";
import { readCarriers } from "./start/carriers.ts";
import { readChannels } from "./start/channels.ts";
import { openDoors } from "./start/doors.ts";
import { startLoops } from "./start/loops.ts";
import { measureProcess } from "./start/measured.ts";
import { Opened } from "./start/opened.ts";
import { readinessOf } from "./start/readiness.ts";
import { prepareDatabasePatiently } from "./start/schema.ts";
import { openServers } from "./start/servers.ts";
import { credentialsKeys, withStoredSettings } from "./start/stored-settings.ts";
import { openStreamLag } from "./start/stream-lag.ts";
import { openWatch } from "./start/watch.ts";
import { createMetrics } from "./telemetry/metrics.ts";
import { createOutsideMetrics } from "./telemetry/outside-metrics.ts";

export interface Service {
  info: RunInfo;
  /** Says to health checks and /readyz that no more work should be sent here; what comes is still served. */
  leave(): void;
  /** Goes down in order: no new work, running work finished, connections closed, private servers stopped. */
  stop(): Promise<void>;
}

/** The composition root: config → parts by ROLES → running. `unwanted` ends a start that waits for something. */
export async function startService(config: Config, logger: Logger, unwanted: AbortSignal): Promise<Service> {
  requireTokenKeys(config);
  readCarriers(config);
  readCarrierRules(config);
  credentialsKeys(config);
  readChannels(config);
  const opened = new Opened();
  const leaving = new AbortController();
  try {
    const info = await startParts(config, { logger, opened, unwanted, leaving: leaving.signal });
    return { info, leave: () => leaving.abort(), stop: () => opened.closeAll(logger) };
  } catch (error) {
    await opened.closeAll(logger);
    throw error;
  }
}

interface Start {
  logger: Logger;
  opened: Opened;
  unwanted: AbortSignal;
  leaving: AbortSignal;
}

async function startParts(given: Config, { logger, opened, unwanted, leaving }: Start): Promise<RunInfo> {
  const urls = await openServers(given, { logger, unwanted }, opened);
  await prepareDatabasePatiently(urls.databaseUrl, given, { logger, unwanted });
  const config = await withStoredSettings(given, urls.databaseUrl);
  readCarriers(config);
  const metrics = createMetrics((collector, error) =>
    logger.warn({ err: error, collector }, "a part of the metrics could not be read"),
  );
  const outsideMetrics = createOutsideMetrics(metrics.registry);
  const loops = await startLoops(config, urls, { logger, outsideMetrics, opened });
  const readLag = openStreamLag(urls.redisUrl, opened);
  measureProcess(metrics, { logger, databaseUrl: urls.databaseUrl, loops, readLag }, opened);
  const readiness = readinessOf(urls, loops, leaving, opened);
  const common = { config, urls, logger, opened, metrics, outsideMetrics };
  const ports = await openDoors({ ...common, readLag, readiness, leaving });
  const metricsPort = await openWatch({ config, logger, metrics, readiness }, opened);
  const info = { pid: process.pid, ...ports, metricsPort, ...urls };
  if (config.DATABASE_URL !== undefined) return info; // whoever named the database can name it again
  await writeRunFile(runFileOf(config.DATA_DIR), info);
  opened.add("servers", () => removeRunFile(runFileOf(config.DATA_DIR)));
  return info;
}
