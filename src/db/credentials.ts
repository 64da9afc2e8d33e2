import { sql } from "kysely";
import { column } from "./column.ts";
import type { Database } from "./database.ts";

export interface CredentialRow {
  carrier_code: string;
  account: string;
  key_id: string;
  nonce: Buffer;
  ciphertext: Buffer;
}

export interface ListedCredential extends CredentialRow {
  updated_at: Date;
}

export async function listCredentials(db: Database): Promise<ListedCredential[]> {
  const { rows } = await sql<ListedCredential>`
    select carrier_code, account, key_id, nonce, ciphertext, updated_at from carrier_credentials
    order by carrier_code, account`.execute(db);
  return rows;
}

/** Stored as they come, sealed already. */
export async function upsertCredential(db: Database, row: CredentialRow): Promise<void> {
  await sql`
    insert into carrier_credentials (carrier_code, account, key_id, nonce, ciphertext)
    values (${row.carrier_code}, ${row.account}, ${row.key_id}, ${row.nonce}, ${row.ciphertext})
    on conflict (carrier_code, account) do update
      set key_id = excluded.key_id, nonce = excluded.nonce, ciphertext = excluded.ciphertext, updated_at = now()`.execute(
    db,
  );
}

export interface ReplacedCredential extends CredentialRow {
  /** What it replaces: one that was set meanwhile stays. */
  old_nonce: Buffer;
}

/** Says how many were replaced. */
export async function replaceCredentials(db: Database, rows: readonly ReplacedCredential[]): Promise<number> {
  const { numAffectedRows } = await sql`
    update carrier_credentials c set key_id = sealed.key_id, nonce = sealed.nonce, ciphertext = sealed.ciphertext,
      updated_at = now()
    from unnest(${column(rows, "carrier_code")}::text[], ${column(rows, "account")}::text[],
      ${column(rows, "key_id")}::text[], ${column(rows, "nonce")}::bytea[], ${column(rows, "ciphertext")}::bytea[],
      ${column(rows, "old_nonce")}::bytea[]) as sealed (carrier_code, account, key_id, nonce, ciphertext, old_nonce)
    where c.carrier_code = sealed.carrier_code and c.account = sealed.account and c.nonce = sealed.old_nonce`.execute(
    db,
  );
  return Number(numAffectedRows ?? 0n);
}

/** Whether there was one. */
export async function deleteCredential(db: Database, carrier_code: string): Promise<boolean> {
  const { numAffectedRows } = await sql`
    delete from carrier_credentials where carrier_code = ${carrier_code}`.execute(db);
  return (numAffectedRows ?? 0n) > 0n;
}
