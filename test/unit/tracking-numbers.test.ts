import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type CheckDigit,
  fedexDigit,
  gs1Digit,
  lotteDigit,
  s10Digit,
  upsDigit,
} from "../../src/domain/check-digits.ts";
import {
  describeTrackingNumber,
  isSscc,
  misreadWarning,
  type NumberKind,
} from "../../src/domain/tracking-numbers.ts";

/** Number by number: the kind that is meant, and whether its check digit is right. */
const EXAMPLES: readonly (readonly [NumberKind, string, boolean | null])[] = [
  ["s10", "RB123456785GB", true],
  ["s10", "RB123456784GB", false],
  ["s10", "PJ123456785RS", true],
  ["usps_impb", "9400100000000000123453", true],
  ["usps_impb", "9405803699300124287899", true],
  ["usps_impb", "9405803699300124287898", false],
  ["fedex_12", "123456789012", true],
  ["fedex_12", "986578788855", true],
  ["fedex_12", "986578788856", false],
  ["fedex_15", "123456789012343", true],
  ["fedex_15", "568283610012734", true],
  ["fedex_15", "568283610012735", false],
  ["ups_1z", "1Z999AA10123456784", true],
  ["ups_1z", "1ZXX3150YW44070023", true],
  ["ups_1z", "1Z1111111111111111", false],
  ["canada_post_16", "1234567890123452", true],
  ["canada_post_16", "7035114477138472", true],
  ["canada_post_16", "7035114477138473", false],
  ["sscc", "395012345600000015", true],
  ["sscc", "395012345600000016", false],
  ["lotte_12", "123456789013", true],
  ["lotte_12", "123456789012", false],
  ["cj_12", "123456789012", null],
  ["acs_10", "7227889174", null],
  ["d_express", "TT0000000001", null],
  ["yun_express", "YT2126800000000123", null],
];

const readingOf = (kind: NumberKind, text: string) =>
  describeTrackingNumber(text).find((reading) => reading.kind === kind);

describe("describeTrackingNumber", () => {
  it.each(EXAMPLES)("as %s, %s: %s", (kind, number, valid) => {
    expect(readingOf(kind, number)).toEqual({ kind, number, valid });
  });

  it.each([
    ["usps_impb", "420100019400100000000000123453", "9400100000000000123453"],
    ["usps_impb", "4201000112349400100000000000123453", "9400100000000000123453"],
    ["fedex_express_scan", "1001921334250001000300123456789012", "123456789012"],
    ["fedex_ground_scan", "9612345123456789012343", "123456789012343"],
    ["sscc", "00395012345600000015", "395012345600000015"],
    ["sscc", "(00) 3 9501234 560000001 5", "395012345600000015"],
  ] as const)("finds the number in a scan: %s %s", (kind, scan, number) => {
    expect(readingOf(kind, scan)).toEqual({ kind, number, valid: true });
  });

  it("reads over spaces, dashes and small letters", () => {
    expect(readingOf("ups_1z", " 1z 999-aa1 0123456784 ")?.valid).toBe(true);
  });

  it("names every carrier that twelve digits may be of", () => {
    const kinds = describeTrackingNumber("123456789012").map(({ kind }) => kind);
    expect(kinds).toEqual(["fedex_12", "lotte_12", "cj_12"]);
  });

  it("knows nothing of what has no known shape, whatever it is", () => {
    expect(describeTrackingNumber("")).toEqual([]);
    expect(describeTrackingNumber("MOCK168418540416")).toEqual([]);
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => Array.isArray(describeTrackingNumber(text))),
    );
  });
});

describe("misreadWarning", () => {
  it.each([
    ["ups", "1Z999AA10123456785"],
    ["fedex", "986578788856"],
    ["usps", "420100019400100000000000123454"],
    ["canada_post", "7035114477138473"],
    ["post_express", "PJ123456784RS"],
    ["lotte", "123456789012"],
  ])("warns of %s's %s", (carrier_code, number) => {
    expect(misreadWarning(carrier_code, number)).toContain("its check digit is wrong");
  });

  it.each([
    ["ups", "1Z999AA10123456784"],
    ["fedex", "123456789012"],
    ["fedex", "SOMETHING-NEW"],
    ["usps", "RB123456785US"],
    ["cj", "123456789012"],
    ["constructor", "123456789012"],
    ["mock", "1Z999AA10123456785"],
  ])("leaves %s's %s alone", (carrier_code, number) => {
    expect(misreadWarning(carrier_code, number)).toBeUndefined();
  });
});

describe("isSscc", () => {
  it("wants 18 digits, the last one right", () => {
    expect(isSscc("395012345600000015")).toBe(true);
    expect(isSscc("395012345600000014")).toBe(false);
    expect(isSscc("00395012345600000015")).toBe(false);
    expect(isSscc("")).toBe(false);
  });
});

const digits = (length: number) => fc.stringMatching(new RegExp(`^\\d{${length}}$`));

/** A number, and the same number with one digit wrong; `wrong` says at which place and by how much. */
const misread = (length: number) =>
  fc.record({
    payload: digits(length),
    place: fc.nat(length - 1),
    by: fc.integer({ min: 1, max: 9 }),
  });

function spoil(payload: string, place: number, by: number): string {
  const wrong = (Number(payload[place]) + by) % 10;
  return payload.slice(0, place) + wrong + payload.slice(place + 1);
}

/** Every wrong digit is found, except where the scheme itself can't: as `blind` says of the two payloads. */
function finds(digit: CheckDigit, length: number, blind: (right: string, wrong: string) => boolean) {
  fc.assert(
    fc.property(misread(length), ({ payload, place, by }) => {
      const wrong = spoil(payload, place, by);
      return digit(payload) !== digit(wrong) || blind(payload, wrong);
    }),
    { numRuns: 2_000 },
  );
}

describe("a check digit", () => {
  it.each([17, 21, 14, 15])("of GS1 over %s digits finds any single wrong digit", (length) => {
    finds(gs1Digit, length, () => false);
  });

  it("of S10 finds any single wrong digit, except between the two remainders that it writes as 5", () => {
    finds(s10Digit, 8, (right) => s10Digit(right) === "5");
  });

  it("of FedEx finds any single wrong digit, except between the two remainders that it writes as 0", () => {
    finds(fedexDigit, 11, (right) => fedexDigit(right) === "0");
  });

  it("of UPS finds any single wrong digit, except a doubled one that is wrong by five", () => {
    finds(upsDigit, 15, (right, wrong) => {
      const place = Array.from(right).findIndex((sign, index) => sign !== wrong[index]);
      return place % 2 === 1 && Math.abs(Number(right[place]) - Number(wrong[place])) === 5;
    });
  });

  it("of Lotte finds any single wrong digit, except one that is wrong by seven", () => {
    finds(lotteDigit, 11, (right, wrong) => {
      const place = Array.from(right).findIndex((sign, index) => sign !== wrong[index]);
      return Math.abs(Number(right[place]) - Number(wrong[place])) === 7;
    });
  });
});
