import type { AlertRow } from "../db/alerts.ts";
import type { Collectors } from "./collector.ts";

/** Alerts are looked up by many questions, and change slowly. */
const ALERTS_EVERY_MS = 30_000;
const ALERTS_LIMIT_MS = 8_000;

export interface DataSources {
  openDeadLetters(): Promise<bigint>;
  jobCounts(): Promise<Record<"waiting" | "running" | "failing" | "dead", number>>;
  alerts(): Promise<AlertRow[]>;
}

/** What the data says, the same whichever process is asked: to be joined by `max`, not by `sum`. */
export function measureData(collectors: Collectors, sources: DataSources): void {
  collectors.add({
    name: "dead_letters",
    gauges: {
      wms_dead_letters_open: { help: "Messages that could not be processed and wait for somebody." },
    },
    read: async () => ({ wms_dead_letters_open: [{ value: Number(await sources.openDeadLetters()) }] }),
  });
  collectors.add({
    name: "jobs",
    gauges: {
      wms_jobs: {
        help: "Background jobs: waiting, running, failing (tried in vain, will be tried again), dead (will not be).",
        labels: ["state"],
      },
    },
    read: async () => ({
      wms_jobs: Object.entries(await sources.jobCounts()).map(([state, value]) => ({
        labels: { state },
        value,
      })),
    }),
  });
  collectors.add({
    name: "alerts",
    everyMs: ALERTS_EVERY_MS,
    limitMs: ALERTS_LIMIT_MS,
    gauges: {
      wms_alerts_firing: {
        help: "Alerts that fire, as ListAlerts tells them.",
        labels: ["name", "severity"],
      },
    },
    read: async () => ({ wms_alerts_firing: countAlerts(await sources.alerts()) }),
  });
}

/** Of an alert that many things set off, only some are listed; `total` says how many there are. */
function countAlerts(alerts: readonly AlertRow[]) {
  const byName = Map.groupBy(alerts, ({ name, severity }) => `${severity} ${name}`);
  return [...byName.values()].map((same) => {
    const { name, severity, labels } = same[0] as AlertRow;
    return { labels: { name, severity }, value: Number(labels["total"] ?? same.length) };
  });
}
