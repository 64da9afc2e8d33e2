import { sql } from "kysely";
import type { Database } from "../../src/db/database.ts";

/** Per table, how many rows it has; per column that holds a number or a status, a sum over them. */
export type Fingerprint = Record<string, number>;

/** Request ids are no effect, and neither is how far a sequence has been used up. */
const NO_EFFECT = ["idempotency_keys", "schema_migrations"];

/** What an effect, or the same one a second time, shows in: rows are counted, quantities and statuses summed. */
export async function fingerprint(db: Database): Promise<Fingerprint> {
  const { rows: columns } = await sql<{ table_name: string; column_name: string | null; data_type: string }>`
    select t.table_name, c.column_name, c.data_type from information_schema.tables t
    left join information_schema.columns c
      on c.table_schema = t.table_schema and c.table_name = t.table_name
      and (c.data_type in ('integer', 'numeric') or c.column_name ~ 'status$')
    where t.table_schema = 'public' and t.table_type = 'BASE TABLE' and t.table_name <> all(${NO_EFFECT}::text[])
    order by 1, 2`.execute(db);
  const tables = Map.groupBy(columns, (row) => row.table_name);
  const counts = [...tables].map(([table, own]) => {
    const sums = own.flatMap(({ column_name, data_type }) => {
      if (column_name === null) return [];
      const value = data_type === "text" ? sql`hashtext(${sql.ref(column_name)})` : sql.ref(column_name);
      return [sql`, ${sql.lit(column_name)}, coalesce(sum(${value}), 0)`];
    });
    return sql`select ${sql.lit(table)} as table_name,
      json_build_object('rows', count(*)${sql.join(sums, sql``)}) as sums from ${sql.table(table)}`;
  });
  const { rows } = await sql<{ table_name: string; sums: Record<string, number> }>`${sql.join(
    counts,
    sql` union all `,
  )}`.execute(db);
  return Object.fromEntries(
    rows.flatMap(({ table_name, sums }) =>
      Object.entries(sums).map(([column, value]) => [`${table_name}.${column}`, value]),
    ),
  );
}

/** What has changed, and by how much. */
export function difference(before: Fingerprint, after: Fingerprint): Fingerprint {
  return Object.fromEntries(
    Object.entries(after).flatMap(([key, value]) =>
      value === before[key] ? [] : [[key, value - (before[key] ?? 0)]],
    ),
  );
}
