import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import { PreparingClient } from "./preparing-client.ts";
import type { DB } from "./schema.ts";
import { SoundPool } from "./sound-pool.ts";
import { Turnstile } from "./turnstile.ts";

export type Database = Kysely<DB>;

const INT8 = 20;
const NUMERIC = 1700;
const DATE = 1082;

/** int8 does not fit a JavaScript number; a date has no time zone; our numerics are kilograms and centimetres. */
const TYPES = {
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
  /** How long the server works on one statement; 0 for as long as it takes. */
  statementMs?: number;
  /** How values are read, where not as the rest of this service reads them. */
  types?: pg.CustomTypesConfig;
}

const STATEMENT_MS = 5_000;
/**
 * Every wait has an end, and who knows best what is wrong speaks first: a lock that others hold (the call may be repeated),
 * then a statement that is too slow, then, when the server has let its own limits pass, a line that is dead.
 */
const LOCK_BEFORE_MS = 1_000;
const SILENCE_AFTER_MS = 2_000;
/** A server that lets us in and says nothing is frozen, or not there any more. */
const CONNECT_MS = 3_000;
/** No transaction of ours pauses: one that does is of a process that hangs or is cut off, and others wait for its locks. */
const IDLE_IN_TRANSACTION_MS = 5_000;
const KEEP_ALIVE_MS = 10_000;
/** Memory that a session has gathered is given back now and then, and a server that took over gets its share. */
const LIFETIME_SECONDS = 1_800;

/**
 * A pool that neither hangs nor takes the process down: every wait has an end, a lost backend is an error of the query
 * that met it, and a client whose answer never came is thrown away instead of poisoning the pool.
 */
export function createPool({
  connectionString,
  max = 10,
  applicationName = "warehouse",
  statementMs = STATEMENT_MS,
  types = TYPES,
}: PoolOptions): pg.Pool {
  return new SoundPool({
    Client: PreparingClient,
    connectionString,
    max,
    types,
    application_name: applicationName,
    connectionTimeoutMillis: CONNECT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    keepAlive: true, // finds lines that died while nobody asked anything
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    maxLifetimeSeconds: LIFETIME_SECONDS,
    ...(statementMs === 0 ? {} : limits(statementMs)),
  });
}

function limits(statementMs: number) {
  return {
    lock_timeout: statementMs - LOCK_BEFORE_MS,
    statement_timeout: statementMs,
    query_timeout: statementMs + SILENCE_AFTER_MS,
  };
}

export function createDatabase(pool: pg.Pool, turnstile = new Turnstile(pool)): Database {
  return new Kysely<DB>({ dialect: new PostgresDialect({ pool: turnstile }) });
}
