import { describe, expect, it } from "vitest";
import { toDeadLetter } from "../../src/events/order-dead-letters.ts";

const failure = { reason: "no luck", trace: "", attempts: 1 };

function letterOf(fields: Record<string, string>) {
  return toDeadLetter({ id: "1-0", fields }, "event-1", failure);
}

describe("toDeadLetter", () => {
  it("keeps of a hostile entry what can be stored in time", () => {
    const hostile = Object.fromEntries(
      Array.from({ length: 30 }, (_, nth) => [`f${nth}`, "x".repeat(1_000_000)]),
    );
    const { payload } = letterOf({ type: "order.confirmed", ...hostile });
    const kept = Object.entries(payload).flat();
    expect(kept.reduce((all, text) => all + text.length, 0)).toBeLessThanOrEqual(5_000_000);
    expect(payload).toMatchObject({ type: "order.confirmed", f3: hostile["f3"] });
  });

  it("keeps every order that can be read whole", () => {
    const long = "x".repeat(2_000_000);
    const order = { type: "order.confirmed", order_id: "7", items: long, ship_to: long };
    expect(letterOf(order).payload).toEqual(order);
  });

  it.each([
    [
      "a half of a character at the cut",
      `${"x".repeat(1_999_999)}\u{1F600}`,
      `${"x".repeat(1_999_999)}\uFFFD`,
    ],
    ["NUL", "a\0b", "a\uFFFDb"],
  ])("does not keep %s", (_, value, kept) => {
    const telling = { ...failure, reason: value, trace: value };
    const letter = toDeadLetter({ id: "1-0", fields: { type: value } }, "event-1", telling);
    expect(letter).toMatchObject({ payload: { type: kept }, event_type: kept, reason: kept, trace: kept });
    expect(letterOf({ [value]: value }).payload).toEqual({ [kept]: kept });
  });

  it.each([
    ["dead_letter:7", 7n],
    ["dead_letter:9223372036854775808", undefined],
    ["dead_letter:", undefined],
    ["xdead_letter:7", undefined],
    ["order:7", undefined],
  ])("takes %s for what the relay says of a letter that was put back, or not", (aggregate_id, letter_id) => {
    expect(letterOf({ aggregate_id }).letter_id).toBe(letter_id);
  });
});
