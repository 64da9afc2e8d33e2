import { sql } from "kysely";
import { DomainError } from "../domain/errors.ts";
import type { Database } from "./database.ts";
import { inTransaction, type Transaction } from "./transaction.ts";

/** Who asks for what, and under which request id: what makes a write replayable. */
export interface Call {
  principal: string;
  method: string;
  /** UUID of the caller's; undefined: the write is not deduplicated. */
  requestId?: string | undefined;
  /** SHA-256 of the request's content. */
  bodyHash: Uint8Array;
}

/**
 * Runs `work` once per request id: the first answer is stored with the effect, in its transaction, and given again to
 * whoever repeats the call. Callers that come at once wait for the first on the key's row.
 */
export async function once<T>(db: Database, call: Call, work: (trx: Transaction) => Promise<T>): Promise<T> {
  return inTransaction(db, async (trx) => {
    const earlier = await claimRequest(trx, call);
    if (earlier) return decodeAnswer<T>(earlier.response);
    const answer = await work(trx);
    await storeAnswer(trx, call, encodeAnswer(answer));
    return answer;
  });
}

/** Undefined: the request is ours to do. Otherwise what was answered the first time. */
async function claimRequest(trx: Transaction, call: Call): Promise<{ response: unknown } | undefined> {
  if (call.requestId === undefined) return undefined;
  const claimed = await trx
    .insertInto("idempotency_keys")
    .values({
      principal: call.principal,
      request_id: call.requestId,
      method: call.method,
      body_hash: Buffer.from(call.bodyHash),
    })
    .onConflict((conflict) => conflict.columns(["principal", "request_id"]).doNothing())
    .returning("request_id")
    .executeTakeFirst();
  if (claimed) return undefined;
  const first = await trx
    .selectFrom("idempotency_keys")
    .select(["method", "body_hash", "response"])
    .where("principal", "=", call.principal)
    .where("request_id", "=", call.requestId)
    .executeTakeFirstOrThrow();
  if (first.method !== call.method || !first.body_hash.equals(call.bodyHash))
    throw reused(call, first.method);
  return { response: first.response };
}

export function reused(call: Call, firstMethod: string): DomainError {
  return new DomainError(
    "REQUEST_ID_REUSED",
    `request_id ${call.requestId} was used before, for ${firstMethod} with other content: take a new id for a new request`,
    { request_id: call.requestId ?? "", method: firstMethod },
    [{ field: "request_id", description: "was used before with other content" }],
  );
}

async function storeAnswer(trx: Transaction, call: Call, response: string): Promise<void> {
  if (call.requestId === undefined) return;
  await sql`update idempotency_keys set response = ${response}::jsonb
    where principal = ${call.principal} and request_id = ${call.requestId}`.execute(trx);
}

/** JSON that keeps bigints, dates and bytes apart from strings. */
export function encodeAnswer(value: unknown): string {
  return JSON.stringify(value ?? null, function (this: Record<string, unknown>, key, plain) {
    const original = this[key]; // JSON.stringify has called toJSON on `plain` already
    if (typeof original === "bigint") return { $: "n", v: original.toString() };
    if (original instanceof Date) return { $: "d", v: original.toISOString() };
    if (original instanceof Uint8Array) return { $: "b", v: Buffer.from(original).toString("base64") };
    return plain;
  });
}

export function decodeAnswer<T>(stored: unknown): T {
  return revive(stored) as T;
}

function revive(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(revive);
  if (typeof value !== "object" || value === null) return value;
  if ("$" in value && "v" in value) {
    const text = String(value.v);
    if (value.$ === "n") return BigInt(text);
    if (value.$ === "d") return new Date(text);
    return Buffer.from(text, "base64");
  }
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, revive(inner)]));
}
