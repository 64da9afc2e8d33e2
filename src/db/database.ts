import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import { PreparingClient } from "./preparing-client.ts";
import type { DB } from "./schema.ts";

export type Database = Kysely<DB>;

const INT8 = 20;
const NUMERIC = 1700;
const DATE = 1082;

/** int8 does not fit a JavaScript number; a date has no time zone; our numerics are kilograms and centimetres. */
const types = {
  getTypeParser(oid: number, format?: "text" | "binary") {
    if (oid === INT8) return BigInt;
    if (oid === NUMERIC) return Number;
    if (oid === DATE) return (text: string) => text;
    return pg.types.getTypeParser(oid, format as "text");
  },
} as pg.CustomTypesConfig;

export interface PoolOptions {
  connectionString: string;
  max?: number;
  applicationName?: string;
  /** How long a query waits for its turn when all connections are busy. */
  waitMs?: number;
}

/**
 * A pool that neither hangs nor takes the process down: every wait has an end, a lost backend is an error of the query
 * that met it, and a client whose answer never came is thrown away instead of poisoning the pool.
 */
export function createPool({
  connectionString,
  max = 10,
  applicationName = "warehouse",
  waitMs = 5_000,
}: PoolOptions): pg.Pool {
  const pool = new pg.Pool({
    Client: PreparingClient,
    connectionString,
    max,
    types,
    application_name: applicationName,
    connectionTimeoutMillis: waitMs,
    statement_timeout: 30_000,
    query_timeout: 35_000,
    lock_timeout: 15_000,
    idle_in_transaction_session_timeout: 30_000,
    keepAlive: true,
    maxLifetimeSeconds: 1_800,
  });
  pool.on("error", () => {}); // an idle client died: the pool has dropped it already
  pool.on("connect", (client) => {
    client.on("error", () => {}); // without a listener, a backend killed in mid-transaction ends the process
  });
  return pool;
}

export function createDatabase(pool: pg.Pool): Database {
  return new Kysely<DB>({ dialect: new PostgresDialect({ pool }) });
}
