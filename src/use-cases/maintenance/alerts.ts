import type { AlertRule, AlertSeverity } from "../../db/alert-rule.ts";
import { ALERT_RULES, findByRule } from "../../db/alert-rules.ts";
import { type AlertRow, listRaised } from "../../db/alerts.ts";
import type { Database } from "../../db/database.ts";
import type { Lag } from "../../domain/lag.ts";
import { judgeStreams, streamsUnreachable } from "../../domain/stream-alerts.ts";

const SEVERITIES: readonly AlertSeverity[] = ["critical", "warning"];

export interface AlertSources {
  db: Database;
  /** How far the streams are behind; left out where nobody asks for alerts about them. */
  readStreamLag?: (() => Promise<Lag>) | undefined;
  rules?: readonly AlertRule[];
}

/** Everything that somebody has to look at now, the most severe first, then the oldest: raised, or looked up. */
export async function listAlerts(sources: AlertSources, severity?: AlertSeverity): Promise<AlertRow[]> {
  const raised = await listRaised(sources.db);
  const [found, streams] = await Promise.all([findAll(sources), aboutStreams(sources)]);
  const wanted = [...raised, ...found, ...streams].filter(
    (alert) => severity === undefined || alert.severity === severity,
  );
  return wanted.sort(
    (a, b) =>
      SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity) ||
      a.since.getTime() - b.since.getTime(),
  );
}

/** One after the other, on one connection: whoever works has the others. */
async function findAll({ db, rules = ALERT_RULES }: AlertSources): Promise<AlertRow[]> {
  const found: AlertRow[] = [];
  for (const rule of rules)
    found.push(...(await findByRule(db, rule).catch((error) => unknown(rule, error))));
  return found;
}

/** One that can't be looked up must not hide the others, nor look like none. */
function unknown(rule: AlertRule, error: unknown): AlertRow[] {
  const reason = error instanceof Error ? error.message : String(error);
  return [
    {
      name: "alert_unknown",
      severity: "warning",
      summary: `whether ${rule.name} fires can't be looked up (${reason})`,
      labels: { alert: rule.name },
      value: 1,
      threshold: 0,
      since: new Date(),
    },
  ];
}

async function aboutStreams({ readStreamLag }: AlertSources): Promise<AlertRow[]> {
  if (!readStreamLag) return [];
  const now = new Date();
  return readStreamLag().then(
    (lag) => judgeStreams(lag, now),
    (error: unknown) => [streamsUnreachable(error, now)],
  );
}
