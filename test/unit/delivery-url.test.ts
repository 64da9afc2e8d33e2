import { describe, expect, it } from "vitest";
import { readCarriers } from "../../src/start/carriers.ts";

const DELIVERY_URL = "https://delivery.example.com";

function settingsOf(CARRIERS: Record<string, unknown>, url: string | undefined = DELIVERY_URL) {
  return readCarriers({ CARRIERS, DELIVERY_URL: url }).map(({ code, settings }) => ({ code, settings }));
}

describe("DELIVERY_URL", () => {
  it("is enough to ship by the delivery service", () => {
    expect(settingsOf({})).toEqual([{ code: "delivery_service", settings: { baseUrl: DELIVERY_URL } }]);
    expect(readCarriers({ CARRIERS: {}, DELIVERY_URL: undefined })).toEqual([]);
  });

  it("goes with whatever else is set about it", () => {
    expect(settingsOf({ delivery_service: { provider: "ACS", warehouseId: 3 } })).toEqual([
      { code: "delivery_service", settings: { baseUrl: DELIVERY_URL, provider: "ACS", warehouseId: 3 } },
    ]);
    const elsewhere = { baseUrl: "https://other.example.com" };
    expect(settingsOf({ delivery_service: elsewhere })).toEqual([
      { code: "delivery_service", settings: elsewhere },
    ]);
  });

  it("hides no setting that is wrong", () => {
    expect(() => settingsOf({ delivery_service: 7 })).toThrow(/^CARRIERS: delivery_service: /);
    expect(() => settingsOf({ delivery_service: { providr: "ACS" } })).toThrow(/providr/);
  });
});
