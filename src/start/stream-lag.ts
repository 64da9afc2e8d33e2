import { Redis } from "ioredis";
import type { Database } from "../db/database.ts";
import type { Lag } from "../domain/lag.ts";
import { readStreamLag } from "../events/stream-lag.ts";
import { within } from "../telemetry/within.ts";
import type { Opened } from "./opened.ts";

/** Whoever asks how far the streams are behind is answered within two seconds, also by an error. */
const LIMIT_MS = 1_900;
const COMMAND_MS = 1_500;

/** Asks over one connection, which mends itself, and is not opened before somebody asks. */
export function openStreamLag(redisUrl: string, opened: Opened): (db: Database) => Promise<Lag> {
  const redis = new Redis(redisUrl, {
    connectionName: "warehouse-lag",
    lazyConnect: true,
    maxRetriesPerRequest: 0,
    connectTimeout: COMMAND_MS,
    commandTimeout: COMMAND_MS,
    socketTimeout: COMMAND_MS, // a line that is dead without saying so is left for a new one
    retryStrategy: (attempt) => Math.min(attempt * 100, 1_000),
  });
  let problem: unknown; // says more than the command that fails because of it
  redis.on("error", (error: unknown) => (problem = error));
  redis.on("ready", () => (problem = undefined));
  opened.add("connections", async () => redis.disconnect());
  return (db) =>
    within(LIMIT_MS, () => readStreamLag(redis, db)).catch((error: unknown) => {
      throw problem ?? error;
    });
}
