import { sql } from "kysely";
import { clearAlert, raiseAlert } from "./alerts.ts";
import type { Database } from "./database.ts";
import { inTransaction, type Transaction } from "./transaction.ts";

/** Numbers to give, both ends included. */
export interface NumberRange {
  name: string;
  first: bigint;
  last: bigint;
}

/** Above this somebody should ask the carrier for more. */
const NEARLY_ALL = 0.9;
const ALERT = "carrier_numbers_low";

/**
 * Gives the next number of a range, one caller after the other; the same key gets the same number again. Undefined: none
 * is left. A range that goes on elsewhere keeps its name, and goes on from its new beginning.
 */
export async function takeCarrierNumber(
  db: Database,
  range: NumberRange,
  key: string,
): Promise<bigint | undefined> {
  return inTransaction(db, async (trx) => {
    await lockRange(trx, range.name);
    const known = await findNumber(trx, range.name, key);
    if (known !== undefined) return known;
    const number = await nextNumber(trx, range);
    const used = Number(number - range.first) / Number(range.last - range.first + 1n);
    if (used >= NEARLY_ALL) await warn(trx, range, number, used);
    else await clearAlert(trx, ALERT, range.name);
    if (number > range.last) return undefined;
    await sql`insert into carrier_numbers (range_name, key, number) values (${range.name}, ${key}, ${number})`.execute(
      trx,
    );
    return number;
  });
}

async function lockRange(trx: Transaction, name: string): Promise<void> {
  await sql`insert into carrier_number_ranges (name) values (${name}) on conflict (name) do nothing`.execute(
    trx,
  );
  await sql`select from carrier_number_ranges where name = ${name} for update`.execute(trx);
}

async function findNumber(trx: Transaction, name: string, key: string): Promise<bigint | undefined> {
  const { rows } = await sql<{ number: bigint }>`
    select number from carrier_numbers where range_name = ${name} and key = ${key}`.execute(trx);
  return rows[0]?.number;
}

async function nextNumber(trx: Transaction, { name, first, last }: NumberRange): Promise<bigint> {
  const { rows } = await sql<{ number: bigint }>`
    select coalesce(max(number) + 1, ${first}::bigint) as number from carrier_numbers
    where range_name = ${name} and number between ${first}::bigint and ${last}::bigint`.execute(trx);
  return (rows[0] as { number: bigint }).number;
}

function warn(trx: Transaction, { name, last }: NumberRange, number: bigint, used: number): Promise<void> {
  const left = number > last ? 0n : last - number;
  return raiseAlert(trx, {
    name: ALERT,
    key: name,
    severity: left === 0n ? "critical" : "warning",
    summary: `range ${name} has ${left} numbers left`,
    value: used,
    threshold: NEARLY_ALL,
  });
}
