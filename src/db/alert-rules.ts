import { sql } from "kysely";
import type { AlertRule } from "./alert-rule.ts";
import { MESSAGE_RULES } from "./alert-rules-of-messages.ts";
import { PARCEL_RULES } from "./alert-rules-of-parcels.ts";
import { WORK_RULES } from "./alert-rules-of-work.ts";
import type { AlertRow } from "./alerts.ts";
import type { Database } from "./database.ts";

export const ALERT_RULES: readonly AlertRule[] = [...MESSAGE_RULES, ...WORK_RULES, ...PARCEL_RULES];

/** Of one rule, so many alerts are told; `total` among their labels counts them when there are more. */
const SHOWN = 20;
/** No question may hold up the others, nor those who are at work. */
const PATIENCE_MS = 2_000;

/** What a rule finds in the data now, the worst first. Throws when it can't be told in time. */
export async function findByRule(db: Database, rule: AlertRule): Promise<AlertRow[]> {
  const { name, severity, threshold } = rule;
  const rows = await db
    .transaction()
    .setAccessMode("read only")
    .execute(async (trx) => {
      await sql`select set_config('statement_timeout', ${String(PATIENCE_MS)}, true)`.execute(trx);
      return (await ask(rule).execute(trx)).rows;
    });
  return rows.map(({ labels, total, ...row }) => ({
    name,
    severity,
    threshold,
    ...row,
    labels: total > rows.length ? { ...labels, total: String(total) } : labels,
  }));
}

type Found = Pick<AlertRow, "labels" | "summary" | "since" | "value"> & { total: number };

function ask({ question, threshold, value }: AlertRule) {
  const found = question
    .replaceAll("$threshold", String(threshold))
    .replaceAll("$before", `now() - interval '${threshold} seconds'`);
  return sql<Found>`
    with found as materialized (${sql.raw(found)})
    select jsonb_strip_nulls(labels) as labels, summary, since,
      ${sql.raw(value === "age" ? "extract(epoch from now() - since)" : "value")}::float8 as value,
      (select count(*) from found)::int as total
    from found order by value desc, since limit ${SHOWN}`;
}
