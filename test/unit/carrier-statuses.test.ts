import { describe, expect, it } from "vitest";
import { createStatusReader } from "../../src/carriers/status-map.ts";

const FILE = {
  codes: { "011": "delivered", "006": "out_for_delivery" },
  fallbacks: { type: { D: "delivered", I: "in_transit" }, text: { Held: "exception" } },
};

describe("a status map", () => {
  it("reads the code first, then coarser words in the order of the file", () => {
    const statusOf = createStatusReader(FILE);
    expect(statusOf("006", { type: "I" })).toEqual({ status: "out_for_delivery" });
    expect(statusOf("999", { type: "I", text: "Held" })).toEqual({ status: "in_transit" });
    expect(statusOf("999", { text: "Held" })).toEqual({ status: "exception" });
  });

  it("calls unknown what stands nowhere, and says so", () => {
    const statusOf = createStatusReader(FILE);
    expect(statusOf("999")).toEqual({ status: "unknown", unmapped: true });
    expect(statusOf("constructor", { type: "toString", words: "D" })).toEqual({
      status: "unknown",
      unmapped: true,
    });
  });

  it("can be corrected without a change of the program", () => {
    const statusOf = createStatusReader(FILE, { "999": "lost", "011": "available_for_pickup" });
    expect(statusOf("999", { type: "D" })).toEqual({ status: "lost" });
    expect(statusOf("011")).toEqual({ status: "available_for_pickup" });
  });

  it("that isn't one is refused", () => {
    expect(() => createStatusReader({ codes: { "1": "on_the_moon" } })).toThrow();
  });
});
