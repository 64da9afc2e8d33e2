import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cheapestOf, isAmount, type Price, sumOfAmounts } from "../../src/domain/cheapest-quote.ts";

const cents = fc.integer({ min: 1, max: 100_000_000 });
const written = (amount: number) => `${Math.floor(amount / 100)}.${String(amount % 100).padStart(2, "0")}`;
const candidate = {
  carrier_code: fc.constantFrom("fedex", "ups", "usps"),
  service: fc.constantFrom("", "GROUND"),
};
const offer = fc.record({ ...candidate, cents, currency: fc.constantFrom("USD", "CAD") });
const refusal = fc.record({ ...candidate, failed: fc.constantFrom("it is away", "no answer") });

type Given = { carrier_code: string; service: string; cents?: number; currency?: string; failed?: string };

function priceOf({ cents: amount, ...given }: Given): Price {
  return (amount === undefined ? given : { ...given, amount: written(amount) }) as Price;
}

describe("the cheapest carrier", () => {
  it("is one that asks the least, in the first offer's currency; of equal ones the preferred", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(offer, refusal), { minLength: 1, maxLength: 6 }), (given: Given[]) => {
        const { chosen } = cheapestOf(given.map(priceOf) as [Price, ...Price[]]);
        const offers = given.filter((one) => one.cents !== undefined);
        const comparable = offers.filter((one) => one.currency === offers[0]?.currency);
        const least = Math.min(...comparable.map((one) => one.cents as number));
        const wanted = comparable.find((one) => one.cents === least) ?? (given[0] as Given);
        expect(chosen).toEqual({ carrier_code: wanted.carrier_code, service: wanted.service });
      }),
    );
  });

  it.each([
    ["0.1", "0.10", 0],
    ["10.00", "9.99", 1],
    ["9.9", "9.10", 1],
    ["123456789012.000001", "123456789012.000002", 0],
    ["2", "1.999999", 1],
  ])("is found exactly: of %s and %s it is number %i", (one, other, index) => {
    const prices = [one, other].map((amount, at) => ({
      carrier_code: `c${at}`,
      service: "",
      amount,
      currency: "USD",
    }));
    expect(cheapestOf(prices as [Price, Price]).chosen.carrier_code).toBe(`c${index}`);
  });

  it("is compared by the sum of several boxes' prices, to the cent", () => {
    fc.assert(
      fc.property(fc.array(cents, { minLength: 1, maxLength: 20 }), (amounts) => {
        expect(sumOfAmounts(amounts.map(written))).toBe(written(amounts.reduce((sum, one) => sum + one, 0)));
      }),
    );
    expect(sumOfAmounts(["0.1", "0.2"])).toBe("0.30");
    expect(sumOfAmounts(["1500", "0.000001"])).toBe("1500.000001");
  });

  it("is explained, with what was not compared and who failed", () => {
    const { reason } = cheapestOf([
      { carrier_code: "usps", service: "", failed: "no answer within 2500 ms" },
      { carrier_code: "fedex", service: "FEDEX_GROUND", amount: "12.40", currency: "USD" },
      { carrier_code: "canada_post", service: "", amount: "9.10", currency: "CAD" },
      { carrier_code: "ups", service: "03", amount: "11.95", currency: "USD" },
    ]);
    expect(reason).toBe(
      "usps gives no price: no answer within 2500 ms; fedex FEDEX_GROUND takes 12.40 USD; canada_post takes 9.10 CAD, " +
        "not compared with USD; ups 03 takes 11.95 USD; ups 03 is the cheapest",
    );
  });

  it.each(["", "1.", "-1", "1e3", "1,50", "1.0000001", "NaN"])("has no price such as %j", (text) => {
    expect(isAmount(text)).toBe(false);
  });
});
