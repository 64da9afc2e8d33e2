import { createHash } from "node:crypto";

/** `MOCK` and twelve digits, the last a check digit: the same for the same box of the same reference. */
export function mockTrackingNumber(reference: string, sequence_number: number): string {
  const hash = createHash("sha256").update(`${reference}/${sequence_number}`).digest();
  const digits = String(hash.readBigUInt64BE() % 10n ** 11n).padStart(11, "0");
  return `MOCK${digits}${checkDigit(digits)}`;
}

export function isMockTrackingNumber(text: string): boolean {
  return /^MOCK\d{12}$/.test(text) && checkDigit(text.slice(4, 15)) === text.slice(15);
}

/** Modulo 10 with weights 3 and 1 from the right, as in GS1 numbers: finds every single wrong digit. */
function checkDigit(digits: string): string {
  const sum = Array.from(digits)
    .toReversed()
    .reduce((total, digit, index) => total + Number(digit) * (index % 2 === 0 ? 3 : 1), 0);
  return String((10 - (sum % 10)) % 10);
}
