import { sql } from "kysely";
import type { Transaction } from "./transaction.ts";

/**
 * The jobs that are asked for; `jobs/` does them. A job is a row of the transaction that makes it necessary. Those of
 * many rows at once are added by the SQL that changes the rows.
 */
export interface JobPayloads {
  /** Buy the label of a shipment; never twice. */
  buy_label: { shipment_id: string };
  /** Tell the carrier that a bought label is not wanted. */
  void_label: { shipment_id: string };
  /** Tell the Listings service what an order's status is now. */
  report_order_status: { order_id: string };
  /** Tell a marketplace which parcels its order travels in. */
  report_parcels: { channel: string; order_id: string };
  /** Stock has become free: serve the waiting orders, oldest first. */
  allocate_backorders: { listing_ids: string[] };
}

/** Tried for weeks, by `jobs/`' own pauses: what is asked for is never dropped because the outside was away. */
export const MAX_ATTEMPTS = 10_000;

/** Enqueues in the caller's transaction. With a key, a waiting job of the same key is replaced, not doubled. */
export async function addJob<Name extends keyof JobPayloads>(
  trx: Transaction,
  name: Name,
  payload: JobPayloads[Name],
  options: { key?: string } = {},
): Promise<void> {
  await sql`select graphile_worker.add_job(${name}, ${JSON.stringify(payload)}::json,
    job_key => ${options.key ?? null}, max_attempts => ${MAX_ATTEMPTS}::int)`.execute(trx);
}
