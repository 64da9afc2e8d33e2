import { describe, expect, it } from "vitest";
import { type TrackingFact, trackedState } from "../../src/domain/tracking.ts";
import type { TrackingStatus } from "../../src/domain/vocabulary.ts";

function at(hour: number, status: TrackingStatus, package_id: bigint | null = null): TrackingFact {
  return { package_id, status, occurred_at: new Date(Date.UTC(2027, 0, 1, hour)) };
}

describe("trackedState", () => {
  it("knows nothing of a parcel that was only announced", () => {
    expect(trackedState([], [at(1, "label_created"), at(2, "unknown"), at(3, "cancelled")])).toBeUndefined();
  });

  it("takes the latest fact by the carrier's clock", () => {
    expect(trackedState([], [at(5, "out_for_delivery"), at(2, "in_transit")])?.status).toBe(
      "out_for_delivery",
    );
  });

  it("dates the handing over by the earliest scan", () => {
    expect(
      trackedState([], [at(5, "out_for_delivery"), at(2, "in_transit"), at(1, "label_created")]),
    ).toMatchObject({
      handed_over_at: at(2, "in_transit").occurred_at,
    });
  });

  it("takes a delivery after a return was begun for a return, and one before it for a delivery", () => {
    expect(trackedState([], [at(3, "return_to_sender"), at(5, "delivered")])?.status).toBe("returned");
    expect(trackedState([], [at(5, "return_to_sender"), at(3, "delivered")])?.status).toBe("delivered");
  });

  it("keeps a delivery against scans that come after it", () => {
    expect(trackedState([], [at(3, "delivered"), at(9, "in_transit"), at(9, "exception")])?.status).toBe(
      "delivered",
    );
  });

  it("believes that a lost parcel was found", () => {
    expect(trackedState([], [at(9, "lost"), at(3, "delivered")])?.status).toBe("delivered");
  });

  it("calls a shipment delivered when all of its packages are, at the last one's time", () => {
    const first = [at(3, "delivered", 1n), at(2, "in_transit", 2n)];
    expect(trackedState([1n, 2n], first)).toMatchObject({ status: "in_transit", delivered_at: null });
    expect(trackedState([1n, 2n], [...first, at(8, "delivered", 2n)])).toMatchObject({
      status: "delivered",
      delivered_at: at(8, "delivered").occurred_at,
    });
  });

  it("shows the worst ending when packages end differently", () => {
    expect(trackedState([1n, 2n], [at(3, "delivered", 1n), at(8, "lost", 2n)])?.status).toBe("lost");
    expect(trackedState([1n, 2n], [at(3, "delivered", 1n), at(8, "returned", 2n)])?.status).toBe("returned");
  });

  it("applies what is said of the whole shipment to each package", () => {
    expect(trackedState([1n, 2n], [at(3, "delivered")])?.status).toBe("delivered");
  });
});
