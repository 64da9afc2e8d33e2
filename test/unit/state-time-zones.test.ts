import { expect, it } from "vitest";
import { zoneOfState } from "../../src/carriers/state-time-zones.ts";
import { instantOf } from "../../src/carriers/wall-clock.ts";

const LETTERS = Array.from("ABCDEFGHIJKLMNOPQRSTUVWXYZ");

it.each([
  ["US", 56],
  ["CA", 14],
])("the clocks of all states of %s are known", (country, count) => {
  const codes = LETTERS.flatMap((first) => LETTERS.map((second) => first + second));
  const known = codes.filter((code) => zoneOfState(country, code) !== "UTC");
  expect(known).toHaveLength(count);
  for (const code of known) {
    const noon = instantOf("2026-01-15 12:00", zoneOfState(country, code));
    const hours = ((noon?.getTime() ?? 0) - Date.UTC(2026, 0, 15, 12)) / 3_600_000;
    expect(Math.abs(hours)).toBeGreaterThanOrEqual(3);
    expect(Math.abs(hours)).toBeLessThanOrEqual(11);
  }
});

it("a state is one of its country, however both are written", () => {
  expect([" us", "USA", "United States"].map((country) => zoneOfState(country, "tx "))).toEqual(
    Array(3).fill("America/Chicago"),
  );
  expect(zoneOfState("US", "CA")).toBe("America/Los_Angeles");
  expect(zoneOfState("CANADA", "nl")).toBe("America/St_Johns");
  for (const [country, state] of [
    ["IT", "MI"],
    ["", "TX"],
    [null, undefined],
    ["US", "ON"],
    ["US", ""],
  ])
    expect(zoneOfState(country, state)).toBe("UTC");
});
