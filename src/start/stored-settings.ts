import { type CredentialsKeys, openSettings, readCredentialsKeys } from "../carriers/credentials.ts";
import { CarrierSettingError } from "../carriers/known-carriers.ts";
import { type Config, ConfigError } from "../config.ts";
import { listCredentials } from "../db/credentials.ts";
import { createDatabase, createPool, type Database } from "../db/database.ts";

/** The keys that stored settings are read with; undefined: none is set. A wrong one is one line. */
export function credentialsKeys({
  CREDENTIALS_KEY,
}: Pick<Config, "CREDENTIALS_KEY">): CredentialsKeys | undefined {
  return CREDENTIALS_KEY === undefined ? undefined : namingKey(() => readCredentialsKeys(CREDENTIALS_KEY));
}

/** The configuration with the settings of those carriers that only the database has; the environment's come first. */
export async function withStoredSettings(config: Config, databaseUrl: string): Promise<Config> {
  const pool = createPool({ connectionString: databaseUrl, max: 1, applicationName: "warehouse-settings" });
  try {
    const stored = await storedSettings(createDatabase(pool), config);
    return { ...config, CARRIERS: { ...stored, ...config.CARRIERS } };
  } finally {
    await pool.end();
  }
}

async function storedSettings(db: Database, config: Config): Promise<Record<string, unknown>> {
  const keys = credentialsKeys(config) ?? [];
  const rows = (await listCredentials(db)).filter(
    ({ carrier_code }) => !Object.hasOwn(config.CARRIERS, carrier_code),
  );
  return namingKey(() => Object.fromEntries(rows.map((row) => [row.carrier_code, openSettings(keys, row)])));
}

/** Whatever goes wrong with stored settings is told under the name of what reads them. */
export function namingKey<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof CarrierSettingError) throw new ConfigError(`CREDENTIALS_KEY: ${error.message}`);
    throw error;
  }
}
