import type { Command } from "commander";
import type { Config } from "../config.ts";
import type { Database } from "../db/database.ts";
import type { Lag } from "../domain/lag.ts";
import { connectRedis } from "../events/redis.ts";
import { readStreamLag } from "../events/stream-lag.ts";
import { readRunFile, runFileOf } from "../run-file.ts";
import { listAlerts } from "../use-cases/maintenance/alerts.ts";
import { withDatabase } from "./with-database.ts";

/** For monitoring by exit code. */
const FIRING = 1;

export function registerAlerts(program: Command): void {
  program
    .command("alerts")
    .description(
      "what somebody has to look at, a line each, the most severe first; exit code 1 when there is any",
    )
    .action(() =>
      withDatabase(async (db, _url, config) => {
        const alerts = await listAlerts({ db, readStreamLag: await streamLagOf(config, db) });
        for (const { severity, name, since, summary } of alerts)
          console.log(`${severity}\t${name}\t${since.toISOString()}\t${summary}`);
        if (alerts.length > 0) process.exitCode = FIRING;
      }),
    );
}

/** Undefined when no Redis is named and no service runs on the data directory: then the data alone is looked at. */
async function streamLagOf(config: Config, db: Database): Promise<(() => Promise<Lag>) | undefined> {
  const url = config.REDIS_URL ?? (await readRunFile(runFileOf(config.DATA_DIR)))?.redisUrl;
  if (url === undefined) return undefined;
  return async () => {
    const redis = await connectRedis(url, "warehouse-cli");
    try {
      return await readStreamLag(redis, db);
    } finally {
      redis.disconnect();
    }
  };
}
