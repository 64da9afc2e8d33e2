import type { Config } from "../config.ts";
import { awaitPostgres, awaitRedis, DependencyError, type Waiting } from "../dependencies.ts";
import { startEmbedded } from "../embedded/embedded.ts";
import type { Opened } from "./opened.ts";

/** Private servers have been started by then: one that does not answer soon never will. */
const PRIVATE_MS = 30_000;

export interface Urls {
  databaseUrl: string;
  redisUrl: string;
}

/**
 * The servers that were named, or private ones; they answer. One that was named is waited for as long as it takes: it may
 * come up after us, and a process that ends would only be started again to wait once more.
 */
export async function openServers(
  config: Config,
  waiting: Omit<Waiting, "patienceMs">,
  opened: Opened,
): Promise<Urls> {
  const urls = await findServers(config, waiting.logger, opened);
  const failed = new AbortController();
  const patience = (named: string | undefined) => ({
    logger: waiting.logger,
    unwanted: AbortSignal.any([waiting.unwanted, failed.signal]),
    patienceMs: named === undefined ? PRIVATE_MS : Number.POSITIVE_INFINITY,
  });
  try {
    await Promise.all([
      awaitPostgres(urls.databaseUrl, patience(config.DATABASE_URL)),
      awaitRedis(urls.redisUrl, patience(config.REDIS_URL)),
    ]);
    return urls;
  } finally {
    failed.abort(); // without the one, nobody waits for the other
  }
}

async function findServers(config: Config, logger: Waiting["logger"], opened: Opened): Promise<Urls> {
  const { DATABASE_URL, REDIS_URL, DATA_DIR } = config;
  if (DATABASE_URL !== undefined && REDIS_URL !== undefined)
    return { databaseUrl: DATABASE_URL, redisUrl: REDIS_URL };
  const need = { postgres: DATABASE_URL === undefined, redis: REDIS_URL === undefined };
  const embedded = await startPrivate(DATA_DIR, need, logger);
  opened.add("servers", () => embedded.stop());
  return {
    databaseUrl: DATABASE_URL ?? (embedded.databaseUrl as string),
    redisUrl: REDIS_URL ?? (embedded.redisUrl as string),
  };
}

/** Private servers that can't be had are for the operator to mend: one line. */
async function startPrivate(
  dataDir: string,
  need: { postgres: boolean; redis: boolean },
  logger: Waiting["logger"],
) {
  try {
    return await startEmbedded({ dataDir, log: (line) => logger.info(line), need });
  } catch (error) {
    throw new DependencyError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}
