import { type CheckDigit, fedexDigit, gs1Digit, lotteDigit, s10Digit, upsDigit } from "./check-digits.ts";

interface Kind {
  /** Of numbers in capitals, without spaces. What it names `number` is the number that the carrier's tracking knows. */
  shape: RegExp;
  digit?: CheckDigit;
}

const DIGITS_12 = /^(?<number>\d{12})$/;

/** The numbers that a carrier's labels bear; of other carriers, no form is sure enough to warn by. */
const KINDS_OF: ReadonlyMap<string, readonly NumberKind[]> = new Map([
  ["canada_post", ["canada_post_16", "s10"]],
  ["fedex", ["fedex_12", "fedex_15", "fedex_ground_scan", "fedex_express_scan"]],
  ["lotte", ["lotte_12"]],
  ["post_express", ["s10"]],
  ["ups", ["ups_1z"]],
  ["usps", ["usps_impb", "s10"]],
]);

/** Without `digit`: no rule is known, the shape is all that can be checked. */
const KINDS = {
  /** Two letters, nine digits, the country: post offices all over the world. */
  s10: { shape: /^(?<number>[A-Z]{2}\d{9}[A-Z]{2})$/, digit: (text) => s10Digit(text.slice(2)) },
  /** As a scanner reads it, the destination's ZIP code may stand before it. */
  usps_impb: { shape: /^(?:420(?:\d{5}|\d{9}))?(?<number>9[2-5]\d{20})$/, digit: gs1Digit },
  fedex_12: { shape: DIGITS_12, digit: fedexDigit },
  fedex_15: { shape: /^(?<number>\d{15})$/, digit: gs1Digit },
  /** FedEx's barcodes hold more than the number. */
  fedex_ground_scan: { shape: /^96\d{5}(?<number>\d{15})$/, digit: gs1Digit },
  fedex_express_scan: { shape: /^\d{22}(?<number>\d{12})$/, digit: fedexDigit },
  ups_1z: { shape: /^(?<number>1Z[A-Z\d]{15}\d)$/, digit: (text) => upsDigit(text.slice(2)) },
  canada_post_16: { shape: /^(?<number>\d{16})$/, digit: gs1Digit },
  /** Not a carrier's number, but its barcode stands on the same label. */
  sscc: { shape: /^(?:00|\(00\))?(?<number>\d{18})$/, digit: gs1Digit },
  lotte_12: { shape: DIGITS_12, digit: lotteDigit },
  cj_12: { shape: DIGITS_12 },
  acs_10: { shape: /^(?<number>\d{10})$/ },
  d_express: { shape: /^(?<number>[A-Z]{2}\d{10})$/ },
  yun_express: { shape: /^(?<number>YT\d{16})$/ },
} satisfies Record<string, Kind>;

export type NumberKind = keyof typeof KINDS;

export interface NumberReading {
  kind: NumberKind;
  /** Without what a barcode holds besides. */
  number: string;
  /** null: no rule is known. */
  valid: boolean | null;
}

/**
 * What a number may be, by its shape; none: no shape that is known. Different carriers' numbers look alike, so this
 * warns of misread numbers, and never says whose a parcel is.
 */
export function describeTrackingNumber(text: string): NumberReading[] {
  const scanned = text.replace(/[\s-]/g, "").toUpperCase();
  return Object.entries<Kind>(KINDS).flatMap(([kind, { shape, digit }]) => {
    const number = shape.exec(scanned)?.groups?.["number"];
    return number === undefined ? [] : [{ kind: kind as NumberKind, number, valid: check(number, digit) }];
  });
}

/** The check digit is the last digit: in S10 the country follows it. */
function check(number: string, digit: CheckDigit | undefined): boolean | null {
  if (!digit) return null;
  const checked = number.replace(/[A-Z]+$/, "");
  return digit(checked.slice(0, -1)) === checked.at(-1);
}

/** What is to be said to whoever typed or scanned this as a carrier's number: that its check digit is wrong. */
export function misreadWarning(carrier_code: string, tracking_number: string): string | undefined {
  const kinds: readonly string[] = KINDS_OF.get(carrier_code) ?? [];
  const readings = describeTrackingNumber(tracking_number).filter(({ kind }) => kinds.includes(kind));
  if (readings.length === 0 || readings.some(({ valid }) => valid !== false)) return undefined;
  return `${tracking_number} has the form of a number of ${carrier_code}, but its check digit is wrong: it may be misread`;
}

/** Whether this is an SSCC of 18 digits with its right check digit. */
export function isSscc(text: string): boolean {
  return /^\d{18}$/.test(text) && check(text, gs1Digit) === true;
}
