import { describe, expect, it } from "vitest";
import { readConfig } from "../../src/config.ts";
import { DEFAULT_RULES } from "../../src/domain/carrier-choice.ts";
import { readCarrierRules } from "../../src/start/carrier-rules.ts";

function rulesOf(given: unknown) {
  return readCarrierRules(
    readConfig({ CARRIER_RULES: typeof given === "string" ? given : JSON.stringify(given) }),
  );
}

function refusal(given: unknown): string {
  try {
    rulesOf(given);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("the rules were accepted");
}

const LAST = { carrier_code: "mock" };

describe("CARRIER_RULES", () => {
  it("may be left out: then the simulated carrier takes everything", () => {
    expect(readCarrierRules(readConfig({}))).toEqual(DEFAULT_RULES);
  });

  it("take what is left out from the usual", () => {
    expect(rulesOf([{ when: { storefronts: [7] }, carrier_code: "fedex" }, LAST])).toEqual([
      {
        name: "",
        when: { storefronts: ["7"] },
        volumetric_divisor: 5000,
        carrier_code: "fedex",
        service: "",
      },
      { name: "", when: {}, volumetric_divisor: 5000, carrier_code: "mock", service: "" },
    ]);
  });

  it("let carriers compete by price, the preferred one first", () => {
    const among = [{ carrier_code: "fedex", service: "FEDEX_GROUND" }, { carrier_code: "ups" }];
    const fedex = { carrier_code: "fedex", service: "FEDEX_GROUND" };
    expect(
      rulesOf([{ name: "us", when: { countries: ["US"] }, prefer: "cheapest", among }, LAST])[0],
    ).toEqual({
      name: "us",
      when: { countries: ["US"] },
      volumetric_divisor: 5000,
      ...fedex,
      among: [fedex, { carrier_code: "ups", service: "" }],
    });
  });

  it.each([
    [
      [{ prefer: "cheapest", among: [{ carrier_code: "ups" }] }],
      /rule 1\.among: must name two carriers at least/,
    ],
    [[{ prefer: "fastest", among: [LAST, LAST] }], /rule 1\.prefer: must be "cheapest"/],
    [[{ among: [LAST, LAST] }], /rule 1\.prefer: must be "cheapest"/],
    [[{ prefer: "cheapest", ...LAST }], /rule 1\.among: /],
    [
      [{ prefer: "cheapest", among: [LAST, { carrier_code: "pigeon" }] }],
      /rule 1\.among\.1\.carrier_code: must be one/,
    ],
    [[{ prefer: "cheapest", among: [LAST, LAST], ...LAST }], /rule 1: .*carrier_code/],
    ["{", /^CARRIER_RULES: must be a JSON list/],
    [{ carrier_code: "mock" }, /^CARRIER_RULES: must be a JSON list/],
    ["rules-that-are-nowhere.json", /^CARRIER_RULES: rules-that-are-nowhere.json can't be read/],
    [[{ carrier_code: "pigeon" }], /^CARRIER_RULES: rule 1\.carrier_code: must be one of mock, acs, /],
    [
      [{ when: { countries: ["Serbia"] }, ...LAST }],
      /rule 1\.when\.countries\.0: must be two capital letters/,
    ],
    [[{ when: { weight: 3 }, ...LAST }], /rule 1\.when: .*weight/],
    [[{ when: { max_weight_kg: -3 }, ...LAST }], /rule 1\.when\.max_weight_kg: /],
    [[{ when: { countries: ["RS"] }, ...LAST }], /the last rule must have no `when`/],
    [[LAST, LAST], /rule 1 has no `when`, so that no rule after it is ever asked/],
  ])("that are wrong (%j) stop the start with one line", (given, words) => {
    expect(refusal(given)).toMatch(words);
    expect(refusal(given)).not.toContain("\n");
  });
});
