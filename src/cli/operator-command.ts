import type { Call } from "../db/idempotency.ts";
import { DomainError } from "../domain/errors.ts";

/** The most rows that a command lists, or takes by a filter. */
export const SHOWN = 1_000;

/** Whoever may open the database may do this; it is not repeated, so it needs no request id. */
export function callFromHere(method: string): Call {
  return { principal: "cli", method, bodyHash: new Uint8Array() };
}

/** An id as people type it; of what can't be one there is no such thing. */
export function idOf(noun: string, text: string): bigint {
  const id = /^[1-9]\d{0,18}$/.test(text) ? BigInt(text) : 0n;
  if (id === 0n || BigInt.asIntN(64, id) !== id) throw usage(`no ${noun} ${text}`);
  return id;
}

export function usage(message: string): DomainError {
  return new DomainError("INVALID_FIELD", message);
}

/** A refusal is one line and a failed command. */
export async function sayingWhy(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
