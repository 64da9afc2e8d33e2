import { type Config, readConfig } from "../config.ts";
import { createDatabase, createPool, type Database } from "../db/database.ts";
import { startEmbedded } from "../embedded/embedded.ts";
import { readRunFile, runFileOf } from "../run-file.ts";

/**
 * Gives a command the database: the named one, that of the service which is running on the data directory, or the
 * private one, started for the command's time.
 */
export async function withDatabase<T>(
  work: (db: Database, url: string, config: Config) => Promise<T>,
): Promise<T> {
  const config = readConfig();
  const running = config.DATABASE_URL ?? (await readRunFile(runFileOf(config.DATA_DIR)))?.databaseUrl;
  if (running !== undefined) return useDatabase(running, config, work);
  const need = { postgres: true, redis: false };
  const embedded = await startEmbedded({ dataDir: config.DATA_DIR, log: () => {}, need });
  try {
    return await useDatabase(embedded.databaseUrl as string, config, work);
  } finally {
    await embedded.stop();
  }
}

async function useDatabase<T>(
  url: string,
  config: Config,
  work: (db: Database, url: string, config: Config) => Promise<T>,
): Promise<T> {
  const pool = createPool({ connectionString: url, max: 2, applicationName: "warehouse-cli" });
  try {
    return await work(createDatabase(pool), url, config);
  } finally {
    await pool.end();
  }
}
