import { sql } from "kysely";
import { LOCKS } from "../db/advisory-locks.ts";
import type { Database } from "../db/database.ts";

const MAX_SLOTS = 1_000;
const PREFIX = "warehouse-";

export interface Slot {
  name: string;
  release(): Promise<void>;
}

/**
 * A consumer's name: the lowest number that no living process has. Entries are pending under a name, so it must outlast
 * the process, and names that nobody takes again would stay in the group for ever: host names and process ids do both
 * wrong. The lock ends with its session. Should two share a name after all, the inbox keeps each effect single.
 */
export async function claimSlot(db: Database): Promise<Slot> {
  const claimed = Promise.withResolvers<number>();
  const ended = Promise.withResolvers<void>();
  const session = db
    .connection()
    .execute(async (connection) => {
      const number = await lockLowest(connection);
      claimed.resolve(number);
      await ended.promise;
      await sql`select pg_advisory_unlock(${LOCKS.consumerSlots}, ${number})`.execute(connection);
    })
    .catch(claimed.reject); // once it is claimed, a lost session only frees the number
  const name = `${PREFIX}${await claimed.promise}`;
  const release = () => {
    ended.resolve();
    return session;
  };
  return { name, release };
}

async function lockLowest(connection: Database): Promise<number> {
  const { rows } = await sql<{ number: number }>`
    select number from generate_series(0, ${MAX_SLOTS}::int) as slot (number)
    where pg_try_advisory_lock(${LOCKS.consumerSlots}, number) limit 1`.execute(connection);
  const number = rows[0]?.number;
  if (number === undefined) throw new Error(`all ${MAX_SLOTS} consumer slots are taken`);
  return number;
}

/** The names that living processes have. */
export async function namesInUse(db: Database): Promise<string[]> {
  const { rows } = await sql<{ number: bigint }>`
    select objid::bigint as number from pg_locks
    where locktype = 'advisory' and classid = ${LOCKS.consumerSlots} and objsubid = 2 and granted
      and database = (select oid from pg_database where datname = current_database())`.execute(db);
  return rows.map(({ number }) => `${PREFIX}${number}`);
}
