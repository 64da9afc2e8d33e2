import { sql } from "kysely";
import { LOCKS } from "../db/advisory-locks.ts";
import { createDatabase, createPool, type Database } from "../db/database.ts";
import type { KafkaTarget } from "../kafka-settings.ts";
import { createGroup } from "./consumer-group.ts";
import { KAFKA_READER, KafkaForwarding } from "./kafka-forwarding.ts";
import { KafkaOutage } from "./kafka-outage.ts";
import type { EventLogger } from "./logger.ts";
import { interruptiblePause } from "./pause.ts";
import { connectRedis } from "./redis.ts";

/** A session that asks nothing for so long is lost, and with it the lock: the server ends it. */
const LEASE_MS = 60_000;
const CANDIDATE_MS = 500;
const RESTART_MS = 500;

export interface KafkaForwarderOptions extends KafkaTarget {
  databaseUrl: string;
  redisUrl: string;
  logger: EventLogger;
  /** How long Kafka may be away before it is an alert. */
  alertAfterMs?: number;
}

export interface KafkaForwarder {
  /** Forwards what is on the stream by now, if Kafka takes it. */
  stop(): Promise<void>;
}

/**
 * Brings tracking events from their stream to Kafka, at least once: an entry is acknowledged only after Kafka has it, and
 * what is not acknowledged is sent again. Of an order's events, each is first seen in its place; `event_id` tells those
 * seen twice. While Kafka is away they wait on the stream, which is not trimmed before this group has read it.
 */
export function startKafkaForwarder(options: KafkaForwarderOptions): KafkaForwarder {
  const pause = interruptiblePause();
  const done = runSessions(options, pause);
  const stop = () => {
    pause.stop();
    return done;
  };
  return { stop };
}

type Stopping = ReturnType<typeof interruptiblePause>;

/** Session after session, each on connections of its own: one that failed once is not to be trusted. */
async function runSessions(options: KafkaForwarderOptions, pause: Stopping): Promise<void> {
  const { databaseUrl, logger } = options;
  const pool = createPool({ connectionString: databaseUrl, max: 1, applicationName: "warehouse-kafka" });
  const db = createDatabase(pool);
  while (!pause.stopped) {
    try {
      await db.connection().execute((session) => runSession(session, options, pause));
    } catch (error) {
      if (pause.stopped) break;
      logger.warn({ err: error }, "forwarding to Kafka starts again");
      await pause.for(RESTART_MS * (1 + Math.random()));
    }
  }
  await pool.end();
}

async function runSession(session: Database, options: KafkaForwarderOptions, pause: Stopping): Promise<void> {
  if (!(await takeLock(session, pause))) return;
  try {
    const redis = await connectRedis(options.redisUrl, "warehouse-kafka");
    try {
      await createGroup(redis, KAFKA_READER);
      const outage = new KafkaOutage(options.logger, options.alertAfterMs);
      await new KafkaForwarding({ redis, session, target: options }, outage, pause).run();
    } finally {
      redis.disconnect();
    }
  } finally {
    // A session that is lost has lost the lock already.
    await sql`select pg_advisory_unlock(${LOCKS.kafkaForwarder})`.execute(session).catch(() => {});
  }
}

/** False: it was told to stop while it waited. */
async function takeLock(session: Database, pause: Stopping): Promise<boolean> {
  await sql`set idle_session_timeout = ${sql.lit(LEASE_MS)}`.execute(session);
  while (!pause.stopped) {
    const { rows } = await sql<{ locked: boolean }>`
      select pg_try_advisory_lock(${LOCKS.kafkaForwarder}) as locked`.execute(session);
    if (rows[0]?.locked) return true;
    await pause.for(CANDIDATE_MS);
  }
  return false;
}
