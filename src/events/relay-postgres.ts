import pg from "pg";
import { endSession } from "../db/end-session.ts";

/** A leader that asks nothing for so long has lost its session, and with it the lock: the server ends it. */
const LEASE_MS = 10_000;

/** The relay's own session, on which its lock lives. */
export async function connectPostgres(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString,
    application_name: "warehouse-relay",
    connectionTimeoutMillis: 5_000,
    query_timeout: 10_000,
    statement_timeout: 8_000,
    keepAlive: true,
  });
  client.on("error", () => {}); // the query that meets it says it
  try {
    await client.connect();
    // A mark that is lost in a crash means a second publication, which everybody must bear anyway.
    await client.query(
      `set idle_session_timeout = ${LEASE_MS}; set synchronous_commit = off; set timezone = 'UTC'`,
    );
    // Every statement here has an index in its order. A plan that was made while a day's table was empty, or the queue
    // short, must not read and sort all of it when it is full.
    await client.query("set enable_seqscan = off; set enable_bitmapscan = off; set enable_sort = off");
    return client;
  } catch (error) {
    await endSession(client);
    throw error;
  }
}
