import type { Database } from "../db/database.ts";
import { countOpenDeadLetters } from "../db/dead-letters.ts";
import { countJobs } from "../db/job-queue.ts";
import type { Lag } from "../domain/lag.ts";
import type { Logger } from "../logger.ts";
import { measureData } from "../telemetry/data-metrics.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { measureLoops, measurePools } from "../telemetry/process-metrics.ts";
import { logShipments } from "../telemetry/shipment-log.ts";
import { countShipments } from "../telemetry/shipment-metrics.ts";
import { measureStreams } from "../telemetry/stream-metrics.ts";
import { listAlerts } from "../use-cases/maintenance/alerts.ts";
import type { Loops } from "./loops.ts";
import type { Opened } from "./opened.ts";
import { openDatabase } from "./pools.ts";

interface Measured {
  logger: Logger;
  databaseUrl: string;
  loops: Loops;
  readLag: (db: Database) => Promise<Lag>;
}

/** What a scrape of this process shows beside its calls. */
export function measureProcess(
  metrics: Metrics,
  { logger, databaseUrl, loops, readLag }: Measured,
  opened: Opened,
): void {
  const { registry, collectors } = metrics;
  const { consumer, relay, jobs } = loops;
  measureLoops(registry, {
    consumer: consumer && (() => consumer.progress()),
    relay: relay && (() => relay.progress()),
    jobs: jobs && (() => jobs.progress()),
  });
  measurePools(registry, opened.pools);
  const stopCounting = countShipments(registry);
  const stopLogging = logShipments(logger);
  opened.add("connections", async () => {
    stopCounting();
    stopLogging();
  });
  const { db } = openDatabase(databaseUrl, "metrics", opened); // never behind a crowd, nor before a health check
  const readStreamLag = () => readLag(db);
  measureStreams(collectors, readStreamLag);
  measureData(collectors, {
    openDeadLetters: () => countOpenDeadLetters(db),
    jobCounts: () => countJobs(db),
    alerts: () => listAlerts({ db, readStreamLag }),
  });
}
