import { sql } from "kysely";
import { column } from "./column.ts";
import type { Database } from "./database.ts";

/** Makes known which carriers shipments can be sent by. One that is configured no more stays: its parcels are under way. */
export async function upsertCarriers(
  db: Database,
  carriers: readonly { code: string; name: string }[],
): Promise<void> {
  await sql`
    insert into carriers (code, name)
    select code, name from unnest(${column(carriers, "code")}::text[], ${column(carriers, "name")}::text[]) as carrier (code, name)
    order by code on conflict (code) do update set name = excluded.name where carriers.name <> excluded.name`.execute(
    db,
  );
}
