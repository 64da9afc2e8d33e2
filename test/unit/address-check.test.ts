import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readAddress } from "../../src/domain/address.ts";
import { addressProblem } from "../../src/domain/address-check.ts";

const BASE = { contact_name: "Ann Example", street: "2 Test Street", city: "Town" };

function problem(parts: Record<string, string>) {
  return addressProblem(readAddress({ ...BASE, ...parts }));
}

describe("an address", () => {
  it.each([
    ["US", { state: "NY", postal_code: "10001" }],
    ["US", { state: "tx", postal_code: "73301-0001" }],
    ["CA", { state: "ON", postal_code: "k1a0b1" }],
    ["RS", { postal_code: "21000" }],
    ["GR", { postal_code: "104 31" }],
    ["KR", { postal_code: "03051", street: "세종대로 110", city: "서울" }],
    ["CN", { postal_code: "100000", street: "长安街1号", city: "北京" }],
    ["GB", { postal_code: "SW1A 1AA" }],
    ["GB", { postal_code: "m11ae" }],
    ["DE", { postal_code: "10115" }],
    ["HK", {}],
    ["AE", { contact_name: "", company: "A Company" }],
  ])("in %s is good as it is written there: %j", (country, parts) => {
    expect(problem({ country, ...parts })).toBeUndefined();
  });

  it.each([
    [{ country: "RS" }, "ship_to.postal_code is missing: in RS it is written as 11000"],
    [
      { country: "US", state: "NY", postal_code: "1000" },
      'ship_to.postal_code is "1000": in US it is written as 10001 or 10001-1234',
    ],
    [{ country: "US", postal_code: "10001" }, "ship_to.state is missing: in US it is written as NY"],
    [{ country: "CA", state: "ON", postal_code: "D1A 0B1" }, /^ship_to.postal_code is "D1A 0B1"/],
    [{ country: "KR", postal_code: "110-120" }, /^ship_to.postal_code is "110-120"/],
    [
      { country: "rs", postal_code: "21000" },
      'ship_to.country is "rs": it must be two capital letters, such as RS',
    ],
    [{ country: "" }, "ship_to.country is missing"],
    [{ country: "RS", city: " - " }, "ship_to.city is missing"],
    [{ country: "RS", street: "" }, "ship_to.street is missing"],
    [{ country: "RS", contact_name: "" }, "ship_to.contact_name is missing, and so is company"],
  ])("that is not good is told by its field: %j", (parts, words) => {
    expect(problem(parts)).toMatch(words);
  });

  it("gets one sentence or none, whatever stands in it, and never more of it than a field", () => {
    const word = fc.oneof(
      fc.string({ unit: "binary", maxLength: 300 }),
      fc.constantFrom("US", "RS", "10001", "__proto__"),
    );
    const address = fc.record({
      contact_name: word,
      street: word,
      city: word,
      state: word,
      postal_code: word,
      country: fc.oneof(word, fc.constantFrom("US", "CA", "GB", "constructor")),
    });
    fc.assert(
      fc.property(address, (parts) => {
        const words = problem(parts);
        if (words === undefined) return;
        expect(words).toMatch(/^ship_to\.(contact_name|street|city|state|postal_code|country) is /);
        expect(words.length).toBeLessThan(140);
      }),
      { numRuns: 2_000 },
    );
  });
});
