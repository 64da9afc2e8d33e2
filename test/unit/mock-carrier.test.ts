import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MOCK_CARRIER } from "../../src/carriers/mock/mock-carrier.ts";
import { journeyOf } from "../../src/carriers/mock/timeline.ts";
import { isMockTrackingNumber, mockTrackingNumber } from "../../src/carriers/mock/tracking-number.ts";
import { readAddress } from "../../src/domain/address.ts";
import { trackedState } from "../../src/domain/tracking.ts";
import { mockCarriers } from "../support/parcels.ts";

const SHIPPED = new Date("2027-01-01T00:00:00Z");
const BOX = { weight: 1, length: 10, width: 10, height: 10 };
const NOWHERE = readAddress({});

function carrier(options: Parameters<typeof mockCarriers>[0] = {}) {
  const mock = mockCarriers(options).get(MOCK_CARRIER.code);
  if (!mock) throw new Error("no mock carrier");
  return mock;
}

function request(reference: string) {
  const packages = [1, 2].map((sequence_number) => ({ ...BOX, sequence_number }));
  return { reference, service: "", order_number: "1", from: NOWHERE, to: NOWHERE, packages, goods: [] };
}

describe("the mock carrier", () => {
  it("sells the same labels under the same reference, others under others", async () => {
    const [first, again, other] = await Promise.all(
      ["wms-1", "wms-1", "wms-2"].map((one) => carrier().createLabel(request(one))),
    );
    expect(again?.labels).toEqual(first?.labels);
    const numbers = [first, other].flatMap((purchase) =>
      purchase?.labels.map((label) => label.tracking_number),
    );
    expect(new Set(numbers).size).toBe(4);
  });

  it("gives numbers with a check digit that finds any wrong digit", () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(11), fc.integer({ min: 1, max: 9 }), (reference, position, change) => {
        const number = mockTrackingNumber(reference, 1);
        expect(number).toMatch(/^MOCK\d{12}$/);
        expect(isMockTrackingNumber(number)).toBe(true);
        const at = 4 + position;
        const wrong = number.slice(0, at) + ((Number(number[at]) + change) % 10) + number.slice(at + 1);
        expect(isMockTrackingNumber(wrong)).toBe(false);
      }),
    );
  });

  it("knows nothing of parcels that it did not get, and does not look into the future", async () => {
    const tracking_number = mockTrackingNumber("wms-1", 1);
    const soon = carrier({ now: () => new Date(SHIPPED.getTime() + 60_000) });
    expect(await soon.track?.([{ tracking_number, shipped_at: null }])).toEqual([]);
    expect(await soon.track?.([{ tracking_number, shipped_at: SHIPPED }])).toEqual([]);
    expect(await soon.track?.([{ tracking_number: "1Z999", shipped_at: SHIPPED }])).toEqual([]);
  });

  it("travels as many times faster than life as it is told", async () => {
    const tracking_number = mockTrackingNumber("wms-1", 1);
    const hours = journeyOf(tracking_number).at(-1)?.hours as number;
    const arrived = new Date(SHIPPED.getTime() + (hours * 3_600_000) / 1000 + 1);
    const facts = await carrier({ speed: 1000, now: () => arrived }).track?.([
      { tracking_number, shipped_at: SHIPPED },
    ]);
    expect(facts).toHaveLength(journeyOf(tracking_number).length);
    expect(facts?.every((fact) => fact.occurred_at <= arrived)).toBe(true);
  });

  it("delivers nearly everything, a few percent after a hold-up, and brings one percent back", () => {
    const journeys = Array.from({ length: 20_000 }, (_, index) =>
      journeyOf(mockTrackingNumber(`wms-${index}`, 1)),
    );
    const ends = journeys.map(
      (scans) =>
        trackedState(
          [],
          scans.map((scan) => ({ ...scan, package_id: null, occurred_at: new Date(scan.hours * 3_600_000) })),
        )?.status,
    );
    const share = (count: number) => count / journeys.length;
    expect(ends.every((end) => end === "delivered" || end === "returned")).toBe(true);
    expect(share(ends.filter((end) => end === "returned").length)).toBeCloseTo(0.01, 2);
    const heldUp = journeys.filter(
      (scans, index) => ends[index] === "delivered" && scans.some((scan) => scan.status === "exception"),
    );
    expect(share(heldUp.length)).toBeCloseTo(0.04, 2);
    expect(
      journeys.every((scans) =>
        scans.every((scan, index) => index === 0 || scan.hours > (scans[index - 1]?.hours ?? 0)),
      ),
    ).toBe(true);
  });
});
