import { insertApiCall } from "../db/api-calls.ts";
import type { Database } from "../db/database.ts";
import type { Logger } from "../logger.ts";
import type { BreakerChange } from "../outside/host-guard.ts";
import { createOutside, type Outside, type OutsideCall } from "../outside/outside-client.ts";
import type { OutsideMetrics } from "../telemetry/outside-metrics.ts";
import { reportHost } from "../use-cases/maintenance/report-host.ts";

interface OutsideOptions {
  db: Database;
  logger: Logger;
  metrics: OutsideMetrics;
}

export interface WayOut {
  outside: Outside;
  /** For calls that are made by other means. */
  record: (call: OutsideCall) => Promise<void>;
}

/** The way to carriers, channels and the label store, with what this process tells of it: records, metrics, log lines, an alert. */
export function openOutside({ db, logger, metrics }: OutsideOptions): WayOut {
  const unrecorded = ({ service, endpoint, error }: { service: string; endpoint: string; error: unknown }) =>
    logger.error({ err: error, service, endpoint }, "a call to the outside could not be put on record");
  const record = async (call: OutsideCall) => {
    metrics.observeCall(call);
    await insertApiCall(db, call);
  };
  const outside = createOutside({
    record,
    unrecorded,
    breakerChanged: (change) => {
      metrics.showBreaker(change);
      logger.warn(change, `a host outside is ${WORDS[change.state]}`);
      reportHost(db, change).catch((error: unknown) =>
        logger.error({ err: error, host: change.host }, "a host's state could not be told"),
      );
    },
  });
  return {
    outside,
    record: (call) => record(call).catch((error: unknown) => unrecorded({ ...call, error })),
  };
}

const WORDS: Record<BreakerChange["state"], string> = {
  open: "left in peace",
  half_open: "being tried",
  closed: "back",
};
