import { describe, expect, it } from "vitest";
import {
  type Carrier,
  CarrierRefusal,
  type Carriers,
  type LabelRequest,
  type Quote,
} from "../../src/carriers/carrier.ts";
import { readAddress } from "../../src/domain/address.ts";
import { type CarrierRules, DEFAULT_RULES } from "../../src/domain/carrier-choice.ts";
import {
  type AskPrices,
  createPriceAsker,
  PricesNeeded,
  withPrices,
} from "../../src/use-cases/shipping/price-choice.ts";

const PARCEL = {
  from: readAddress({ country: "US", postal_code: "38101" }),
  to: readAddress({ country: "US", postal_code: "73301" }),
  boxes: [{ weight: 1.2, length: 23, width: 15, height: 5 }],
};
const FEDEX = { carrier_code: "fedex", service: "FEDEX_GROUND" };
const UPS = { carrier_code: "ups", service: "" };

interface Given {
  quote?: (request: LabelRequest) => Promise<readonly Quote[]>;
}

function carriersOf(given: Readonly<Record<string, Given>>) {
  const asked: LabelRequest[] = [];
  const carriers = new Map(
    Object.entries(given).map(([code, { quote }]) => {
      const counted = (request: LabelRequest) => {
        asked.push(request);
        return (quote as NonNullable<Given["quote"]>)(request);
      };
      return [code, { code, ...(quote ? { quote: counted } : {}) } as unknown as Carrier];
    }),
  );
  return { carriers: carriers as Carriers, asked };
}

const offers = (service: string, amount: string) => async () => [
  { service, amount, currency: "USD", days: 2 },
];
const never = () => new Promise<never>(() => {});

describe("prices", () => {
  it("are asked of all candidates for the service that each would be sent by", async () => {
    const { carriers, asked } = carriersOf({
      fedex: { quote: offers("FEDEX_GROUND", "12.40") },
      ups: { quote: offers("03", "11.95") },
    });
    expect(await createPriceAsker(carriers)(PARCEL, [FEDEX, UPS])).toEqual([
      { ...FEDEX, amount: "12.40", currency: "USD" },
      { ...UPS, amount: "11.95", currency: "USD" },
    ]);
    expect(asked.map(({ service, packages, to }) => [service, packages.length, to.postal_code])).toEqual([
      ["FEDEX_GROUND", 1, "73301"],
      ["", 1, "73301"],
    ]);
  });

  it.each<[string, Record<string, Given>, string]>([
    ["is not configured", {}, "it is not configured"],
    ["names no prices", { fedex: {} }, "it quotes none"],
    [
      "offers another service only",
      { fedex: { quote: offers("PRIORITY", "9") } },
      "it does not offer the service for this parcel",
    ],
    [
      "names nonsense",
      { fedex: { quote: offers("FEDEX_GROUND", "-1") } },
      "it does not offer the service for this parcel",
    ],
    [
      "refuses",
      {
        fedex: {
          quote: () => Promise.reject(new CarrierRefusal("FedEx answered quote with 400 X: no", "X")),
        },
      },
      "FedEx answered quote with 400 X: no",
    ],
    ["doesn't answer in time", { fedex: { quote: never } }, "no answer within 20 ms"],
  ])("of a carrier that %s are left out, with the reason", async (_, given, failed) => {
    const { carriers } = carriersOf({ ups: { quote: offers("03", "11.95") }, ...given });
    const ask = createPriceAsker(carriers, { deadlineMs: 20 });
    expect(await ask(PARCEL, [FEDEX, UPS])).toEqual([
      { ...FEDEX, failed },
      { ...UPS, amount: "11.95", currency: "USD" },
    ]);
  });

  it("are kept for a while, failures for a shorter one, and by the parcel", async () => {
    let clock = 0;
    let amount = "12.40";
    const { carriers, asked } = carriersOf({
      fedex: { quote: async () => [{ service: "FEDEX_GROUND", amount, currency: "USD", days: null }] },
      ups: { quote: () => Promise.reject(new Error("away")) },
    });
    const ask = createPriceAsker(carriers, { keepMs: 1_000, keepFailureMs: 100, now: () => clock });
    const first = await ask(PARCEL, [FEDEX, UPS]);
    amount = "1.00";
    expect(await ask(PARCEL, [FEDEX, UPS])).toEqual(first);
    expect(asked).toHaveLength(2);
    clock = 150;
    await ask(PARCEL, [FEDEX, UPS]);
    expect(asked).toHaveLength(3); // who was away is asked again
    clock = 1_200;
    expect((await ask(PARCEL, [FEDEX, UPS]))[0]).toMatchObject({ amount: "1.00" });
    expect(asked).toHaveLength(5);
    await ask({ ...PARCEL, boxes: [] }, [FEDEX, UPS]);
    expect(asked).toHaveLength(7);
  });
});

describe("work that needs prices", () => {
  const rules: CarrierRules = [{ ...DEFAULT_RULES[0]!, ...FEDEX, among: [FEDEX, UPS] }];
  const [rule] = rules;
  const ask: AskPrices = async () => [
    { ...FEDEX, amount: "12.40", currency: "USD" },
    { ...UPS, amount: "11.95", currency: "USD" },
  ];

  it("is done again with them", async () => {
    const seen: CarrierRules[] = [];
    const done = await withPrices(rules, ask, async (known) => {
      seen.push(known);
      if (!known[0]?.prices) throw new PricesNeeded(rule!, [FEDEX, UPS], PARCEL);
      return "done";
    });
    expect(done).toBe("done");
    expect(seen.map((known) => known[0]?.prices?.length)).toEqual([undefined, 2]);
  });

  it("is told that nobody is asked, where no carrier is there", async () => {
    const reasons = await withPrices(rules, undefined, async (known) => {
      if (!known[0]?.prices) throw new PricesNeeded(rule!, [FEDEX, UPS], PARCEL);
      return known[0].prices.map((price) => ("failed" in price ? price.failed : ""));
    });
    expect(reasons).toEqual(["this process asks no carrier", "this process asks no carrier"]);
  });

  it("that fails otherwise fails", async () => {
    await expect(withPrices(rules, ask, () => Promise.reject(new Error("busy")))).rejects.toThrow("busy");
  });
});
