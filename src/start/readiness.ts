import { createReadiness, type Readiness } from "../telemetry/readiness.ts";
import type { Loops } from "./loops.ts";
import type { Opened } from "./opened.ts";
import { openDatabase } from "./pools.ts";
import type { Urls } from "./servers.ts";

/** A loop that has not come round for this long is stuck. All workers may be busy with slow carriers for longer. */
const STUCK_MS = { consumer: 15_000, relay: 15_000, jobs: 60_000 };

/**
 * Ready means: the database answers, and the loops come round. Nothing else is asked of Redis than that: a loop that
 * comes round reads or writes there, and one that hangs on a dead line does not, whatever a new line would answer.
 */
export function readinessOf(
  urls: Urls,
  { consumer, relay, jobs }: Loops,
  leaving: AbortSignal,
  opened: Opened,
): () => Promise<Readiness> {
  const { pool } = openDatabase(urls.databaseUrl, "health", opened); // never behind a crowd
  return createReadiness({
    service: () => (leaving.aborted ? "going down" : undefined),
    database: async () => {
      await pool.query("select 1");
      return undefined;
    },
    ...(consumer ? { consumer: moving(() => consumer.progress(), STUCK_MS.consumer) } : {}),
    ...(relay ? { relay: moving(() => relay.progress(), STUCK_MS.relay) } : {}),
    ...(jobs ? { jobs: moving(() => jobs.progress(), STUCK_MS.jobs) } : {}),
  });
}

function moving(progress: () => { lastProgressAt: Date }, stuckMs: number) {
  return () => {
    const idle = Date.now() - progress().lastProgressAt.getTime();
    return idle > stuckMs ? `no progress for ${Math.round(idle / 1000)} s` : undefined;
  };
}
