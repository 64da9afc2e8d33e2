import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dateIn, instantOf } from "../../src/carriers/wall-clock.ts";

describe("a time on a carrier's wall", () => {
  it.each([
    ["2026-01-15 09:44:04", "Asia/Seoul", "2026-01-15T00:44:04.000Z"],
    ["20260115094404", "Asia/Seoul", "2026-01-15T00:44:04.000Z"],
    ["202601150944", "Asia/Seoul", "2026-01-15T00:44:00.000Z"],
    ["2026-01-15T10:30:00.5", "Asia/Shanghai", "2026-01-15T02:30:00.500Z"],
    ["2026/07/15 10:30", "Europe/Belgrade", "2026-07-15T08:30:00.000Z"],
    ["20260715", "Europe/Athens", "2026-07-14T21:00:00.000Z"],
    ["2026-01-15T10:30:00Z", "Europe/Belgrade", "2026-01-15T10:30:00.000Z"],
    ["2026-01-15T10:30:00+08:00", "Europe/Belgrade", "2026-01-15T02:30:00.000Z"],
    ["2026-01-15T10:30:00-0330", "Europe/Belgrade", "2026-01-15T14:00:00.000Z"],
    [" 2024-02-29 23:59:59 ", "Europe/Belgrade", "2024-02-29T22:59:59.000Z"],
  ])("%s in %s is %s", (text, zone, expected) => {
    expect(instantOf(text, zone)?.toISOString()).toBe(expected);
  });

  it.each([
    "",
    "soon",
    "2026-02-29",
    "2026-13-01",
    "2026-01-15 24:00",
    "2026-01-15 10:60",
    "15.01.2026",
    "0",
  ])("%j is none", (text) => {
    expect(instantOf(text, "Europe/Belgrade")).toBeUndefined();
  });

  it("in the hour that happens twice is the first, and in the one that doesn't happen is an hour before", () => {
    // Belgrade goes back from 3 to 2 o'clock on 25 October 2026, and forward from 2 to 3 on 29 March.
    const zone = "Europe/Belgrade";
    expect(instantOf("2026-10-25 02:30", zone)?.toISOString()).toBe("2026-10-25T00:30:00.000Z");
    expect(instantOf("2026-10-25 03:00", zone)?.toISOString()).toBe("2026-10-25T02:00:00.000Z");
    expect(instantOf("2026-03-29 01:59", zone)?.toISOString()).toBe("2026-03-29T00:59:00.000Z");
    expect(instantOf("2026-03-29 03:00", zone)?.toISOString()).toBe("2026-03-29T01:00:00.000Z");
    expect(instantOf("2026-03-29 02:30", zone)?.toISOString()).toBe("2026-03-29T00:30:00.000Z");
  });

  it("comes back as it was read, for any moment and place", () => {
    const zones = [
      "Europe/Belgrade",
      "Europe/Athens",
      "Asia/Seoul",
      "Asia/Shanghai",
      "America/St_Johns",
      "UTC",
    ];
    const moments = fc.integer({ min: Date.UTC(1990, 0, 1) / 1000, max: Date.UTC(2050, 0, 1) / 1000 });
    fc.assert(
      fc.property(moments, fc.constantFrom(...zones), (seconds, zone) => {
        const at = new Date(seconds * 1000);
        const read = instantOf(wall(at, zone), zone) as Date;
        expect(wall(read, zone)).toBe(wall(at, zone));
        expect(read.getTime()).toBeLessThanOrEqual(at.getTime());
        expect(dateIn(zone, at)).toBe(wall(at, zone).slice(0, 10));
      }),
    );
  });
});

/** Sweden writes dates as ISO does. */
function wall(at: Date, timeZone: string): string {
  return at.toLocaleString("sv-SE", { timeZone });
}
