import { DomainError } from "../domain/errors.ts";

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

/** Throws the refusal, when that was the answer. */
export function decodeAnswer<T>(stored: unknown): T {
  const refusal = refusalIn(stored);
  if (refusal) throw refusal;
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

/** What a kept refusal was, in its parts: an `Error` itself has no JSON. */
type StoredRefusal = Pick<DomainError, "reason" | "message" | "metadata" | "violations">;

export function encodeRefusal({ reason, message, metadata, violations }: DomainError): string {
  const parts: StoredRefusal = { reason, message, metadata, violations };
  return JSON.stringify({ $: "refused", v: parts });
}

/** The refusal that a request was answered with; undefined: it was served. */
export function refusalIn(stored: unknown): DomainError | undefined {
  if (typeof stored !== "object" || stored === null || !("$" in stored) || stored.$ !== "refused")
    return undefined;
  const { reason, message, metadata, violations } = (stored as unknown as { v: StoredRefusal }).v;
  return new DomainError(reason, message, metadata, violations);
}

/**
 * Whether a refusal is the request's verdict for good. It is when the state has decided it: the caller, or the person
 * behind it, acts on it, so a repetition that came through later would do what nobody wants any more. What only says
 * that the moment was bad is no verdict, and neither is what we can't explain.
 */
export function isVerdict(error: unknown): error is DomainError {
  return error instanceof DomainError && !["stale", "overload", "unavailable"].includes(error.category);
}
