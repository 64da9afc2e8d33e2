import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CarrierRule, chooseCarrier, DEFAULT_RULES } from "../../src/domain/carrier-choice.ts";
import type { ParcelToSend } from "../../src/domain/rule-conditions.ts";

const word = (...words: string[]) => fc.constantFrom(...words);
const some = (...words: string[]) => fc.subarray(words, { minLength: 1 });
const measure = fc.integer({ min: 1, max: 120 });

const rule: fc.Arbitrary<CarrierRule> = fc.record({
  name: word("", "near", "heavy"),
  when: fc.record(
    {
      countries: some("RS", "US", "KR"),
      warehouses: some("W1", "W2"),
      storefronts: some("1", "2"),
      services: some("express", "slow"),
      min_weight_kg: measure,
      max_weight_kg: measure,
      max_length_cm: measure,
      max_length_plus_girth_cm: fc.integer({ min: 1, max: 400 }),
    },
    { requiredKeys: [] },
  ),
  volumetric_divisor: fc.constantFrom(4000, 5000, 6000),
  carrier_code: word("fedex", "bex", "cj"),
  service: word("", "ground"),
});

const parcel: fc.Arbitrary<ParcelToSend> = fc.record({
  country: word("RS", "US", "KR", ""),
  warehouse_code: word("W1", "W2", ""),
  storefront_id: word("1", "2", ""),
  service: word("express", "slow", ""),
  boxes: fc.array(fc.record({ weight: measure, length: measure, width: measure, height: measure }), {
    maxLength: 3,
  }),
});

/** The same rules, said box by box instead of by the greatest. */
function holds({ when, volumetric_divisor }: CarrierRule, sent: ParcelToSend): boolean {
  const among = (wanted: readonly string[] | undefined, value: string) =>
    !wanted || wanted.some((one) => one === value);
  const {
    min_weight_kg: min,
    max_weight_kg: max,
    max_length_cm: long,
    max_length_plus_girth_cm: girth,
  } = when;
  const measured = sent.boxes.length > 0 || [min, max, long, girth].every((limit) => limit === undefined);
  const weights = sent.boxes.map((box) =>
    Math.max(box.weight, (box.length * box.width * box.height) / volumetric_divisor),
  );
  const sides = sent.boxes.map((box) => [box.length, box.width, box.height].sort((a, b) => b - a));
  return (
    measured &&
    among(when.countries, sent.country) &&
    among(when.warehouses, sent.warehouse_code) &&
    among(when.storefronts, sent.storefront_id) &&
    among(when.services, sent.service) &&
    (min === undefined || weights.some((weight) => weight >= min)) &&
    (max === undefined || weights.every((weight) => weight <= max)) &&
    (long === undefined || sides.every(([a = 0]) => a <= long)) &&
    (girth === undefined || sides.every(([a = 0, b = 0, c = 0]) => a + 2 * (b + c) <= girth))
  );
}

const cases = fc.tuple(fc.array(rule, { maxLength: 6 }), rule, parcel);

describe("the choice of a carrier", () => {
  it("is that of the first rule that holds, and the explanation says so of it and of no other", () => {
    fc.assert(
      fc.property(cases, ([asking, last, sent]) => {
        const rules = [...asking, { ...last, when: {} }];
        const { carrier_code, explanation } = chooseCarrier(rules, sent);
        const first = rules.findIndex((one) => holds(one, sent));
        expect(explanation.map(({ matched }) => matched)).toEqual(rules.map((_, index) => index === first));
        expect(explanation.map(({ number }) => number)).toEqual(rules.map((_, index) => index + 1));
        expect(carrier_code).toBe(rules[first]?.carrier_code);
        for (const { reason, number } of explanation) {
          expect(reason).not.toBe("");
          expect(reason.startsWith("not asked")).toBe(number > first + 1);
        }
      }),
      { numRuns: 3_000 },
    );
  });

  it("is the same again, and what comes after the rule that took it changes nothing", () => {
    fc.assert(
      fc.property(cases, fc.array(rule, { maxLength: 3 }), ([asking, last, sent], more) => {
        const rules = [...asking, { ...last, when: {} }];
        const choice = chooseCarrier(rules, sent);
        expect(chooseCarrier(structuredClone(rules), structuredClone(sent))).toEqual(choice);
        const { carrier_code, service } = chooseCarrier([...rules, ...more], sent);
        expect({ carrier_code, service }).toEqual({
          carrier_code: choice.carrier_code,
          service: choice.service,
        });
      }),
    );
  });

  it("keeps the service that was asked for, unless the rule knows what the carrier calls it", () => {
    const sent = { country: "RS", warehouse_code: "", storefront_id: "", service: "express", boxes: [] };
    const base = { name: "", volumetric_divisor: 5000, carrier_code: "fedex", service: "GROUND" };
    expect(chooseCarrier([{ ...base, when: {} }], sent).service).toBe("express");
    expect(chooseCarrier([{ ...base, when: {} }], { ...sent, service: "" }).service).toBe("GROUND");
    expect(chooseCarrier([{ ...base, when: { services: ["express"] } }], sent).service).toBe("GROUND");
    expect(chooseCarrier(DEFAULT_RULES, sent)).toMatchObject({ carrier_code: "mock", service: "express" });
  });

  it("says what stood in the way", () => {
    const base = { name: "", volumetric_divisor: 5000, carrier_code: "bex", service: "" };
    const rules = [
      { ...base, when: { countries: ["US", "CA"] } },
      { ...base, when: { max_weight_kg: 10 } },
      { ...base, when: { services: ["express"] } },
      { ...base, when: {} },
      { ...base, when: {} },
    ];
    const boxes = [{ weight: 1, length: 60, width: 50, height: 40 }];
    const sent = { country: "RS", warehouse_code: "", storefront_id: "", service: "", boxes };
    expect(chooseCarrier(rules, sent).explanation.map(({ reason }) => reason)).toEqual([
      "the destination is RS, not US or CA",
      "the chargeable weight is 24 kg, above 10 kg",
      "the service asked for is not stated, not express",
      "it takes every parcel",
      "not asked: rule 4 was first",
    ]);
    expect(chooseCarrier(rules, { ...sent, boxes: [] }).explanation[1]?.reason).toBe(
      "the chargeable weight is not known yet",
    );
  });
});
