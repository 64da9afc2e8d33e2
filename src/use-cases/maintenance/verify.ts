import { sql } from "kysely";
import type { Database } from "../../db/database.ts";
import type { Law, LawInSql } from "../../db/law.ts";
import { LAWS } from "../../db/laws.ts";
import { unhurried } from "../../db/preparing-client.ts";
import type { Transaction } from "../../db/transaction.ts";

export interface LawVerdict {
  number: number;
  name: string;
  description: string;
  checked: bigint;
  violation_count: bigint;
  /** The first of them, in words. */
  violations: string[];
  duration_ms: number;
}

const SHOWN = 20;

/** Checks every law, or those named, on one snapshot. It only reads, and stops nobody. */
export async function verify(db: Database, names: readonly string[] = []): Promise<LawVerdict[]> {
  return db
    .transaction()
    .setIsolationLevel("repeatable read")
    .setAccessMode("read only")
    .execute((trx) => checkLaws(trx, names));
}

export async function checkLaws(trx: Transaction, names: readonly string[] = []): Promise<LawVerdict[]> {
  await sql`set local statement_timeout = 0`.execute(trx);
  const wanted = LAWS.filter(({ name }) => names.length === 0 || names.includes(name));
  const verdicts: LawVerdict[] = [];
  for (const law of wanted) verdicts.push(await unhurried(() => check(trx, law)));
  return verdicts;
}

async function check(trx: Transaction, law: Law): Promise<LawVerdict> {
  const started = performance.now();
  const { number, name, description } = law;
  const found = "judge" in law ? await judge(trx, law) : await query(trx, law);
  return { number, name, description, ...found, duration_ms: Math.round(performance.now() - started) };
}

type Finding = Pick<LawVerdict, "checked" | "violation_count" | "violations">;

async function judge(trx: Transaction, law: Exclude<Law, LawInSql>): Promise<Finding> {
  const { checked, violations } = await law.judge(trx);
  return { checked, violation_count: BigInt(violations.length), violations: violations.slice(0, SHOWN) };
}

async function query(trx: Transaction, law: LawInSql): Promise<Finding> {
  const { rows } = await sql<{ violation: string | null; total: bigint; checked: bigint }>`
    with violations as materialized (${sql.raw(law.violations)})
    select shown.violation, (select count(*) from violations) as total, (${sql.raw(law.checked)})::bigint as checked
    from (values (1)) as one left join lateral (select violation from violations limit ${SHOWN}) shown on true
  `.execute(trx);
  return {
    checked: rows[0]?.checked ?? 0n,
    violation_count: rows[0]?.total ?? 0n,
    violations: rows.flatMap((row) => row.violation ?? []),
  };
}
