import { sql } from "kysely";
import type { Database } from "../../db/database.ts";
import { LAWS, type Law } from "../../db/laws.ts";
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

/** Checks every law on one snapshot. It only reads. */
export async function verify(db: Database, names: readonly string[] = []): Promise<LawVerdict[]> {
  return db
    .transaction()
    .setIsolationLevel("repeatable read")
    .setAccessMode("read only")
    .execute(async (trx) => {
      await sql`set local statement_timeout = 0`.execute(trx);
      const verdicts: LawVerdict[] = [];
      for (const law of LAWS)
        if (names.length === 0 || names.includes(law.name)) verdicts.push(await check(trx, law));
      return verdicts;
    });
}

async function check(trx: Transaction, law: Law): Promise<LawVerdict> {
  const started = performance.now();
  const { rows } = await sql<{ violation: string | null; total: bigint; checked: bigint }>`
    with violations as materialized (${sql.raw(law.violations)})
    select shown.violation, (select count(*) from violations) as total, (${sql.raw(law.checked)})::bigint as checked
    from (values (1)) as one left join lateral (select violation from violations limit ${SHOWN}) shown on true
  `.execute(trx);
  return {
    number: law.number,
    name: law.name,
    description: law.description,
    checked: rows[0]?.checked ?? 0n,
    violation_count: rows[0]?.total ?? 0n,
    violations: rows.flatMap((row) => row.violation ?? []),
    duration_ms: Math.round(performance.now() - started),
  };
}
