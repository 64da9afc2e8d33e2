import { sql } from "kysely";
import type { Call } from "./idempotency.ts";
import type { Transaction } from "./transaction.ts";

/** The same write for many callers at once: their request ids are claimed, answered or given back in one statement each. */
export interface KeyedCall extends Call {
  requestId: string;
}

/** What was answered the first time. */
export interface FirstAnswer {
  method: string;
  body_hash: Buffer;
  response: unknown;
}

export function hasKey(call: Call): call is KeyedCall {
  return call.requestId !== undefined;
}

export function keyOf(call: KeyedCall): string {
  return `${call.requestId}/${call.principal}`;
}

/** True: the stored request had this call's method and content. */
export function sameRequest(call: Call, first: { method: string; body_hash: Uint8Array }): boolean {
  return call.method === first.method && Buffer.from(call.bodyHash).equals(first.body_hash);
}

/**
 * Claims the request ids of these calls; returns the answers of those that were given one before, by `keyOf`. Keys are
 * claimed in one order, so that two batches with the same keys wait for each other instead of deadlocking.
 */
export async function claimRequests(
  trx: Transaction,
  calls: readonly Call[],
): Promise<Map<string, FirstAnswer>> {
  const keyed = calls.filter(hasKey);
  if (keyed.length === 0) return new Map();
  const claimed = await sql<{ principal: string; request_id: string }>`/* hot: claim_requests */
    insert into idempotency_keys (principal, request_id, method, body_hash)
    select principal, request_id, method, body_hash
    from unnest(${keyed.map((call) => call.principal)}::text[], ${keyed.map((call) => call.requestId)}::uuid[],
                ${keyed.map((call) => call.method)}::text[],
                ${keyed.map((call) => Buffer.from(call.bodyHash))}::bytea[])
         as call (principal, request_id, method, body_hash)
    order by principal, request_id
    on conflict (principal, request_id) do nothing
    returning principal, request_id`.execute(trx);
  const ours = new Set(claimed.rows.map((row) => `${row.request_id}/${row.principal}`));
  return firstAnswers(
    trx,
    keyed.filter((call) => !ours.has(keyOf(call))),
  );
}

async function firstAnswers(
  trx: Transaction,
  calls: readonly KeyedCall[],
): Promise<Map<string, FirstAnswer>> {
  if (calls.length === 0) return new Map();
  const { rows } = await sql<FirstAnswer & { principal: string; request_id: string }>`
    select key.principal, key.request_id, key.method, key.body_hash, key.response
    from unnest(${calls.map((call) => call.principal)}::text[], ${calls.map((call) => call.requestId)}::uuid[])
         as call (principal, request_id)
    join idempotency_keys key using (principal, request_id)`.execute(trx);
  return new Map(rows.map((row) => [`${row.request_id}/${row.principal}`, row]));
}

/** Stores the answers of claimed requests, and gives the ids of those back that were not answered: they come again. */
export async function settleRequests(
  trx: Transaction,
  answered: readonly { call: KeyedCall; response: string }[],
  unanswered: readonly KeyedCall[],
): Promise<void> {
  if (answered.length > 0)
    await sql`/* hot: settle_requests */
      update idempotency_keys key set response = answer.response, body_hash = answer.body_hash
      from unnest(${answered.map(({ call }) => call.principal)}::text[],
        ${answered.map(({ call }) => call.requestId)}::uuid[],
        ${answered.map(({ call }) => Buffer.from(call.bodyHash))}::bytea[],
        ${answered.map(({ response }) => response)}::jsonb[]) as answer (principal, request_id, body_hash, response)
      where key.principal = answer.principal and key.request_id = answer.request_id`.execute(trx);
  if (unanswered.length > 0)
    await sql`
      delete from idempotency_keys key
      using unnest(${unanswered.map((call) => call.principal)}::text[],
                   ${unanswered.map((call) => call.requestId)}::uuid[]) as call (principal, request_id)
      where key.principal = call.principal and key.request_id = call.request_id`.execute(trx);
}
