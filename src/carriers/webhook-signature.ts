import { createHmac, timingSafeEqual } from "node:crypto";
import { WebhookRejected } from "./carrier.ts";

/** A delivery may be so old, and so far ahead of our clock. */
const TOLERANCE_SECONDS = 300;

export function hmacSha256(secret: string, ...parts: readonly (string | Uint8Array)[]): Buffer {
  const hmac = createHmac("sha256", secret);
  for (const part of parts) hmac.update(part);
  return hmac.digest();
}

/**
 * Whether `given` is what one of the secrets makes: while a secret is replaced, two are live. The time it takes tells
 * nothing of how much was right.
 */
export function matchesSecret(
  given: Uint8Array,
  secrets: readonly string[],
  expected: (secret: string) => Uint8Array,
): boolean {
  return secrets.map((secret) => isSame(given, expected(secret))).includes(true);
}

function isSame(given: Uint8Array, expected: Uint8Array): boolean {
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/** Throws WebhookRejected for a delivery that was made too long ago, or in the future. */
export function assertFresh(made_at: Date, received_at: Date): void {
  const seconds = Math.abs(received_at.getTime() - made_at.getTime()) / 1000;
  if (seconds <= TOLERANCE_SECONDS) return; // NaN, for a time that is none, is not fresh either
  throw new WebhookRejected(
    `the delivery's time is more than ${TOLERANCE_SECONDS} seconds away from ${received_at.toISOString()}`,
  );
}
