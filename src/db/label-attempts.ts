import { type Selectable, sql } from "kysely";
import type { AttemptStanding } from "../domain/label-purchase.ts";
import type { Database } from "./database.ts";
import type { LabelAttempts } from "./schema.ts";
import type { Transaction } from "./transaction.ts";

export type LabelAttemptRow = Selectable<LabelAttempts>;

/** One purchase of a shipment's labels, with its times counted by the database's clock. */
export interface LabelAttempt extends LabelAttemptRow, AttemptStanding {
  /** Above 0: somebody is at it, for so long at most. */
  held_seconds: number;
}

const STANDING = sql`
  *, coalesce(extract(epoch from claimed_until - clock_timestamp()), 0)::float8 as held_seconds,
  extract(epoch from clock_timestamp() - last_called_at)::float8 as called_seconds,
  extract(epoch from clock_timestamp() - first_called_at)::float8 as doubted_seconds`;

/** The purchase that a locked shipment waits for, or has; undefined: none was begun. */
export async function lockLiveAttempt(
  trx: Transaction,
  shipment_id: bigint,
): Promise<LabelAttempt | undefined> {
  const { rows } = await sql<LabelAttempt>`
    select ${STANDING} from label_attempts
    where shipment_id = ${shipment_id} and status in ('open', 'calling', 'bought', 'in_doubt') for update`.execute(
    trx,
  );
  return rows[0];
}

export async function lockAttempt(trx: Transaction, id: bigint): Promise<LabelAttempt> {
  const { rows } = await sql<LabelAttempt>`
    select ${STANDING} from label_attempts where id = ${id} for update`.execute(trx);
  if (!rows[0]) throw new Error(`no label attempt ${id}`);
  return rows[0];
}

/**
 * Begins a purchase. Its reference says which shipment it is for, and can't be that of any other purchase, nor of one
 * that another installation made with the same carrier account.
 */
export async function insertAttempt(
  trx: Transaction,
  { shipment_id, carrier_code }: { shipment_id: bigint; carrier_code: string },
): Promise<LabelAttempt> {
  const { rows } = await sql<LabelAttempt>`
    insert into label_attempts (shipment_id, carrier_code, reference)
    values (${shipment_id}, ${carrier_code},
      'wms-' || ${shipment_id}::bigint || '-' || left(replace(gen_random_uuid()::text, '-', ''), 8))
    returning ${STANDING}`.execute(trx);
  return rows[0] as LabelAttempt;
}

/** A purchase that nobody asked for: of two that were made under one reference, the one that is not used. */
export async function insertSurplus(
  trx: Transaction,
  { shipment_id, carrier_code, reference }: LabelAttemptRow,
  bought: { tracking_numbers: readonly string[]; carrier_reference: string | undefined },
): Promise<void> {
  await sql`
    insert into label_attempts (shipment_id, carrier_code, reference, status, first_called_at, tracking_numbers,
      carrier_reference, error)
    values (${shipment_id}, ${carrier_code}, ${reference}, 'unwanted', clock_timestamp(), ${bought.tracking_numbers},
      ${bought.carrier_reference ?? null}, 'bought beside another under the same reference')`.execute(trx);
}

/** Takes a purchase for so long, before the carrier is called. Everybody who had it before is too late from now on. */
export async function claimAttempt(trx: Transaction, id: bigint, seconds: number): Promise<number> {
  const { rows } = await sql<{ claim: number }>`
    update label_attempts set status = 'calling', claim = claim + 1, tries = tries + 1,
      claimed_until = clock_timestamp() + ${seconds} * interval '1 second',
      first_called_at = coalesce(first_called_at, clock_timestamp()), last_called_at = clock_timestamp()
    where id = ${id} returning claim`.execute(trx);
  return (rows[0] as { claim: number }).claim;
}

/** Nothing is out: as if it had not been tried. */
export async function reopenAttempt(trx: Transaction, id: bigint, error: string): Promise<void> {
  await sql`update label_attempts set status = 'open', claimed_until = null, first_called_at = null, error = ${error}
    where id = ${id}`.execute(trx);
}

/** Something may be out; the next try finds out. */
export async function releaseAttempt(trx: Transaction, id: bigint, error: string): Promise<void> {
  await sql`update label_attempts set claimed_until = null, error = ${error} where id = ${id}`.execute(trx);
}

/** Whoever still has it is not waited for any more, except by those who want to give it back. */
export async function endAttempt(
  trx: Transaction,
  id: bigint,
  status: "refused" | "in_doubt" | "dismissed" | "voided",
  error: string | null = null,
): Promise<void> {
  await sql`
    update label_attempts set status = ${status}, claimed_until = null, error = coalesce(${error}, error),
      ended_at = case when ${status} <> 'in_doubt' then clock_timestamp() end
    where id = ${id}`.execute(trx);
}

/** What the carrier sold, and whether it is used. */
export async function storeBought(
  trx: Transaction,
  id: bigint,
  {
    status,
    tracking_numbers,
    carrier_reference,
  }: {
    status: "bought" | "unwanted";
    tracking_numbers: readonly string[];
    carrier_reference?: string | undefined;
  },
): Promise<void> {
  await sql`
    update label_attempts set status = ${status}, claimed_until = null, tracking_numbers = ${tracking_numbers},
      carrier_reference = ${carrier_reference ?? null}, error = null, ended_at = case when ${status} = 'bought' then clock_timestamp() end
    where id = ${id}`.execute(trx);
}

/** Whatever a shipment's purchases have bought, or may yet buy, is not wanted any more. */
export async function dropAttempts(trx: Transaction, shipment_id: bigint): Promise<void> {
  await sql`
    update label_attempts set status = 'unwanted', ended_at = null
    where shipment_id = ${shipment_id} and status in ('open', 'calling', 'bought', 'in_doubt')`.execute(trx);
}

/** Purchases that are to be given back, and have not been; oldest first. */
export async function listUnwanted(db: Database, shipment_id: bigint): Promise<LabelAttempt[]> {
  const { rows } = await sql<LabelAttempt>`
    select ${STANDING} from label_attempts
    where shipment_id = ${shipment_id} and status = 'unwanted' and ended_at is null order by id`.execute(db);
  return rows;
}

/** The carrier doesn't take it back: it stays on record as what it is. */
export async function keepUnwanted(trx: Transaction, id: bigint, error: string): Promise<void> {
  await sql`update label_attempts set error = ${error}, ended_at = clock_timestamp() where id = ${id}`.execute(
    trx,
  );
}

/** A label that is not bought without somebody's help, with the purchase to look for. */
export interface StuckLabel {
  shipment_id: bigint;
  label_status: "failed" | "needs_review";
  carrier_code: string;
  reference: string | null;
  /** Of the call whose answer is not known. */
  since: Date | null;
  reason: string | null;
}

/** Those that wait longest come first. */
export async function listStuckLabels(db: Database, limit: number): Promise<StuckLabel[]> {
  const { rows } = await sql<StuckLabel>`
    select s.id as shipment_id, s.label_status, s.carrier_code, last.reference, last.last_called_at as since,
      coalesce(last.error, (select e.payload_json ->> 'error' from shipment_events e
        where e.shipment_id = s.id and e.event_type = 'LABEL_FAILED' order by e.id desc limit 1)) as reason
    from shipments s left join lateral (
      select reference, last_called_at, error from label_attempts a where a.shipment_id = s.id order by id desc limit 1
    ) last on true
    where s.label_status in ('failed', 'needs_review') and s.status = 'ready'
    order by s.updated_at, s.id limit ${limit}`.execute(db);
  return rows;
}
