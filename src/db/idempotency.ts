import { sql } from "kysely";
import { DomainError } from "../domain/errors.ts";
import { noteRequestId } from "./committed.ts";
import type { Database } from "./database.ts";
import { decodeAnswer, encodeAnswer, encodeRefusal, isVerdict } from "./stored-answers.ts";
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
 * whoever repeats the call. Callers that come at once wait for the first on the key's row. A refusal that the state has
 * decided is an answer too: it stays the request's verdict, whatever becomes of the state.
 */
export async function once<T>(db: Database, call: Call, work: (trx: Transaction) => Promise<T>): Promise<T> {
  let refusal: DomainError | undefined;
  const judged = (error: unknown): never => {
    refusal = isVerdict(error) ? error : undefined;
    throw error;
  };
  try {
    return await inTransaction(db, async (trx) => {
      noteRequestId(trx, call.requestId);
      const earlier = await claimRequest(trx, call);
      if (earlier) return decodeAnswer<T>(earlier.response);
      const answer = await work(trx).catch(judged);
      await storeAnswer(trx, call, encodeAnswer(answer));
      return answer;
    });
  } catch (error) {
    if (refusal === undefined || error !== refusal || call.requestId === undefined) throw error;
    return keepRefusal<T>(db, call, refusal);
  }
}

/**
 * The refused work was rolled back, its key with it: the verdict is written by itself. Until that is done nobody has
 * been told anything, so whatever the same request was answered in between is the answer for this caller too.
 */
async function keepRefusal<T>(db: Database, call: Call, refusal: DomainError): Promise<T> {
  const earlier = await inTransaction(db, async (trx) => {
    const known = await claimRequest(trx, call);
    if (!known) await storeAnswer(trx, call, encodeRefusal(refusal));
    return known;
  });
  if (earlier) return decodeAnswer<T>(earlier.response);
  throw refusal;
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
