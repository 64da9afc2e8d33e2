import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { createPool } from "../db/database.ts";
import { isOutOfReach } from "../db/out-of-reach.ts";

/** The queue's questions are small, and whoever gets no answer soon asks again. */
const STATEMENT_MS = 2_000;
const RETRY_MS = 500;
/**
 * What the queue writes down when a job has ended. It waits for nobody then, so that an error would end the process; and
 * to say it twice does no harm.
 */
const ENDS_JOB = /^(complete|fail)_job/;
/** "Give me a job": whoever is given one is the first parameter. */
const GIVES_JOB = /^get_job/;

type Ask = (...parameters: unknown[]) => unknown;

interface QueuePoolOptions {
  connectionString: string;
  max: number;
  /** Told under which name a job may have been given to nobody, since the answer was lost. */
  onLost: (worker_id: string) => void;
}

/**
 * The pool of the queue itself. It waits for a database that is away, and says again what must be known. The queue counts
 * its ids as text, so it reads numbers in its own way.
 */
export function createQueuePool({ connectionString, max, onLost }: QueuePoolOptions): pg.Pool {
  const pool = createPool({
    connectionString,
    max,
    applicationName: "warehouse-queue",
    statementMs: STATEMENT_MS,
    types: pg.types,
  });
  pool.connect = patiently(pool, pool.connect.bind(pool)) as typeof pool.connect;
  pool.on("connect", (client) => {
    const query = client.query.bind(client) as Ask;
    client.query = ((question: pg.QueryConfig, ...rest: unknown[]) => {
      const answer = query(question, ...rest);
      if (!(answer instanceof Promise)) return answer;
      return answer.catch((error: unknown) => instead(error, question, pool, onLost));
    }) as typeof client.query;
  });
  return pool;
}

/** Those who leave a callback have their own patience. */
function patiently(pool: pg.Pool, connect: Ask): Ask {
  return (...callback) => (callback.length > 0 ? connect(...callback) : connectAtLast(pool, connect));
}

async function connectAtLast(pool: pg.Pool, connect: Ask): Promise<unknown> {
  for (;;) {
    try {
      return await connect();
    } catch (error) {
      if (pool.ending || !isOutOfReach(error)) throw error;
      await delay(RETRY_MS, undefined, { ref: false });
    }
  }
}

/** What the queue is told instead of an error that it can't bear. */
function instead(
  error: unknown,
  question: pg.QueryConfig,
  pool: pg.Pool,
  onLost: QueuePoolOptions["onLost"],
): unknown {
  const { name = "", values } = question;
  if (!isOutOfReach(error)) throw error;
  if (ENDS_JOB.test(name)) return askAgain(pool, question);
  if (!GIVES_JOB.test(name)) throw error;
  setImmediate(() => onLost(String(values?.[0]))); // when the pool has been told, too
  return { rows: [] };
}

/** Never rejects because of the database: whoever was to be told has long gone on. */
async function askAgain(pool: pg.Pool, question: pg.QueryConfig): Promise<unknown> {
  await delay(RETRY_MS, undefined, { ref: false });
  if (pool.ending) return new Promise(() => {}); // the name that the job is locked by goes with this process
  const client = await pool.connect();
  try {
    return await client.query(question);
  } finally {
    client.release();
  }
}
