import { runMigrations } from "graphile-worker";
import type { Config } from "../config.ts";
import { setChannel } from "../db/channels.ts";
import { createDatabase, createPool } from "../db/database.ts";
import { migrate } from "../db/migrate.ts";
import { isOutOfReach } from "../db/out-of-reach.ts";
import { patiently, type Waiting } from "../dependencies.ts";
import type { Logger } from "../logger.ts";

const PATIENCE_MS = 60_000;

/** The server may go once more between its first answer and the end of this. */
export async function prepareDatabasePatiently(
  databaseUrl: string,
  config: Config,
  waiting: Omit<Waiting, "patienceMs">,
): Promise<void> {
  await patiently(
    "the database's schema",
    { ...waiting, patienceMs: PATIENCE_MS },
    () => prepareDatabase(databaseUrl, config, waiting.logger),
    (error) => !isOutOfReach(error),
  );
}

/** Brings the schema up to date; several processes may start at once. */
export async function prepareDatabase(databaseUrl: string, config: Config, logger: Logger): Promise<void> {
  const pool = createPool({
    connectionString: databaseUrl,
    max: 1,
    applicationName: "warehouse-migrate",
    statementMs: 0,
  });
  try {
    const applied = await migrate(pool, () => runMigrations({ connectionString: databaseUrl }));
    if (applied.length > 0) logger.info({ applied }, "the database was migrated");
    await setChannel(createDatabase(pool), "listings", config.LISTINGS_URL !== undefined);
  } finally {
    await pool.end();
  }
}
