import { sql } from "kysely";
import type { AlertSeverity } from "./alert-rule.ts";
import type { Database } from "./database.ts";
import type { Transaction } from "./transaction.ts";

export interface NewAlert {
  /** Stable, such as `stream_full`. */
  name: string;
  /** What it is about, such as a stream or an id; "" for the whole service. */
  key: string;
  severity: AlertSeverity;
  /** One sentence: what, how much. */
  summary: string;
  labels?: Record<string, string>;
  value?: number;
  /** The value above which it is raised. */
  threshold?: number;
}

/**
 * Opens an alert, or says again that an open one still holds: its `since` stays. In a transaction it is raised with
 * whatever else is committed, so what must be known although the transaction fails is raised outside it; there it comes
 * after every other lock.
 */
export async function raiseAlert(db: Database | Transaction, alert: NewAlert): Promise<void> {
  await sql`
    insert into alerts as open (name, key, severity, summary, labels, value, threshold)
    values (${alert.name}, ${alert.key}, ${alert.severity}, ${alert.summary},
      ${JSON.stringify(alert.labels ?? {})}::jsonb, ${alert.value ?? 0}, ${alert.threshold ?? 0})
    on conflict (name, key) where resolved_at is null do update set severity = excluded.severity,
      summary = excluded.summary, labels = excluded.labels, value = excluded.value, threshold = excluded.threshold,
      count = open.count + 1, last_seen_at = greatest(open.last_seen_at, now())`.execute(db);
}

/** Resolves the alert, if one is open. */
export async function clearAlert(db: Database | Transaction, name: string, key: string): Promise<void> {
  await sql`
    update alerts set resolved_at = now()
    where name = ${name} and key = ${key} and resolved_at is null`.execute(db);
}

/** An alert that holds, whoever found it. */
export interface AlertRow {
  name: string;
  severity: AlertSeverity;
  summary: string;
  labels: Record<string, string>;
  value: number;
  threshold: number;
  since: Date;
}

/** Of those that were raised and not resolved, so many are told. */
const SHOWN = 1_000;

/** The alerts that were raised and still hold. */
export async function listRaised(db: Database): Promise<AlertRow[]> {
  const { rows } = await sql<AlertRow>`
    select name, severity, summary, case key when '' then labels else labels || jsonb_build_object('key', key) end as labels, value, threshold, since
    from alerts where resolved_at is null order by severity, since limit ${SHOWN}`.execute(db);
  return rows;
}
