/**
 * A process that does the jobs of a database with one carrier, until it dies. Started by tests, with a hook that kills it
 * at a failpoint: `node --import … label-worker.ts DATABASE_URL HOST_URL REPEAT`.
 */
import { pino } from "pino";
import type { CarrierCapabilities } from "../../src/carriers/carrier.ts";
import { createDatabase, createPool } from "../../src/db/database.ts";
import { startJobs } from "../../src/jobs/jobs.ts";
import { labelCarrier } from "./label-host.ts";

const [databaseUrl = "", hostUrl = "", repeat = "never"] = process.argv.slice(2);
const carrier = labelCarrier(hostUrl, { repeat: repeat as CarrierCapabilities["repeat"], timeoutMs: 5_000 });
await startJobs({
  databaseUrl,
  db: createDatabase(createPool({ connectionString: databaseUrl })),
  carriers: new Map([[carrier.code, carrier]]),
  channels: {},
  logger: pino({ level: "silent" }),
  trackingPollSeconds: 60,
});
process.send?.("ready");
