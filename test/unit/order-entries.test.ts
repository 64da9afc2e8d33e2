import { describe, expect, it } from "vitest";
import { decodeOrderEntry, identifyOrderEntry } from "../../src/events/order-entries.ts";

const good = {
  type: "order.confirmed",
  event_id: "e-1",
  order_id: "7",
  storefront_id: "3",
  order_number: "N-7",
  items: '[{"listing_id":9007199254740993,"quantity":"2"},{"listing_id":"5","quantity":1,"warehouse_id":4}]',
  ship_to: '{"city":"Novi Sad","postal_code":21000,"company":null,"geo":{"lat":45.2}}',
  timestamp: "1700000000",
};

function reasonOf(fields: Record<string, string>): string {
  const decoded = decodeOrderEntry("1-0", fields);
  expect(decoded.kind).toBe("poison");
  return decoded.kind === "poison" ? decoded.reason : "";
}

describe("decodeOrderEntry", () => {
  it("reads a confirmed order, ids beyond 2^53 to the digit", () => {
    expect(decodeOrderEntry("1-0", good)).toEqual({
      kind: "event",
      event: {
        kind: "confirmed",
        eventId: "e-1",
        entryId: "1-0",
        order: {
          order_id: 7n,
          storefront_id: 3n,
          order_number: "N-7",
          priority: "normal",
          policy: "backorder",
          ship_to: { city: "Novi Sad", postal_code: "21000" },
          items: [
            { listing_id: 9007199254740993n, quantity: 2, warehouse_id: null },
            { listing_id: 5n, quantity: 1, warehouse_id: 4n },
          ],
        },
      },
    });
  });

  it("takes the entry's id where there is no event id, and the defaults where nothing is given", () => {
    const { event_id: _, ship_to: __, storefront_id: ___, order_number: ____, ...bare } = good;
    const items = '[{"listing_id":5,"quantity":1,"warehouse_id":0}]';
    expect(decodeOrderEntry("1-0", { ...bare, items, priority: "URGENT", policy: "" })).toMatchObject({
      event: {
        eventId: "1-0",
        order: {
          storefront_id: 0n,
          order_number: "",
          ship_to: {},
          priority: "urgent",
          policy: "backorder",
          items: [{ warehouse_id: null }],
        },
      },
    });
  });

  it("mends an address of which a character was cut in two", () => {
    const ship_to = String.raw`{"city":"Novi Sad \ud83d","note\udc00":"x"}`;
    expect(decodeOrderEntry("1-0", { ...good, ship_to })).toMatchObject({
      event: { order: { ship_to: { city: "Novi Sad \uFFFD", "note\uFFFD": "x" } } },
    });
  });

  it("knows what it can't read by its event id, where that can be kept", () => {
    const idOf = (fields: Record<string, string>) => {
      const decoded = decodeOrderEntry("1-0", fields);
      return decoded.kind === "poison" ? decoded.eventId : undefined;
    };
    const many = Object.fromEntries(Array.from({ length: 1_001 }, (_, nth) => [`field_${nth}`, ""]));
    expect(idOf({ event_id: "e-1", nonsense: "1" })).toBe("e-1");
    expect(idOf({ type: "order.confirmed", event_id: "e-1", ...many })).toBe("e-1");
    expect(idOf({ event_id: "e\0", nonsense: "1" })).toBe("1-0");
    expect(idOf({ event_id: "e".repeat(201), nonsense: "1" })).toBe("1-0");
  });

  it("reads cancellations, whole and in part", () => {
    const whole = { type: "order.cancelled", order_id: "7", reason: "customer" };
    expect(decodeOrderEntry("2-0", whole)).toEqual({
      kind: "event",
      event: {
        kind: "cancelled",
        eventId: "2-0",
        entryId: "2-0",
        order_id: 7n,
        reason: "customer",
        items: [],
      },
    });
    expect(decodeOrderEntry("2-0", { ...whole, items: '[{"listing_id":5,"quantity":3}]' })).toMatchObject({
      event: { items: [{ listing_id: 5n, quantity: 3 }] },
    });
  });

  it("passes over what is not for us", () => {
    expect(decodeOrderEntry("1-0", { type: "order.created", order_id: "x" })).toEqual({
      kind: "foreign",
      type: "order.created",
    });
  });

  it.each([
    [{ type: "" }, "type: is missing"],
    [{ order_id: "0" }, 'order_id: must be a positive id, not "0"'],
    [{ order_id: "-1" }, 'order_id: must be a positive id, not "-1"'],
    [{ order_id: "9223372036854775808" }, 'order_id: must be a positive id, not "9223372036854775808"'],
    [{ order_id: "1; drop table orders" }, 'order_id: must be a positive id, not "1; drop table orders"'],
    [{ storefront_id: "shop" }, 'storefront_id: must be a positive id, not "shop"'],
    [{ order_number: "a\0b" }, "order_number: must hold no NUL character"],
    [{ order_number: "x".repeat(501) }, "order_number: must be at most 500 characters"],
    [{ event_id: "e\0" }, "event_id: must be at most 200 characters, none of them NUL"],
    [{ items: "" }, "items: must be JSON"],
    [{ items: "[1," }, "items: must be JSON"],
    [{ items: "{}" }, "items: must be a list"],
    [{ items: "[]" }, "items: must not be empty"],
    [{ items: '[{"listing_id":5}]' }, "items[0].quantity: is missing, or no number"],
    [
      { items: '[{"listing_id":5,"quantity":0}]' },
      'items[0].quantity: must be a whole number from 1 to 1000000000, not "0"',
    ],
    [
      { items: '[{"listing_id":5,"quantity":1.5}]' },
      'items[0].quantity: must be a whole number from 1 to 1000000000, not "1.5"',
    ],
    [
      { items: '[{"listing_id":5,"quantity":1},{"listing_id":5,"quantity":-3}]' },
      'items[1].quantity: must be a whole number from 1 to 1000000000, not "-3"',
    ],
    [
      { items: '[{"listing_id":5,"quantity":1e300}]' },
      'items[0].quantity: must be a whole number from 1 to 1000000000, not "1e+300"',
    ],
    [{ items: '[{"listing_id":true,"quantity":1}]' }, "items[0].listing_id: is missing, or no number"],
    [
      { items: '[{"listing_id":5,"quantity":1,"warehouse_id":-2}]' },
      'items[0].warehouse_id: must be a positive id, not "-2"',
    ],
    [
      { items: `[${Array(10_001).fill('{"listing_id":5,"quantity":1}').join()}]` },
      "items: must have at most 10000 entries",
    ],
    [{ items: `[${Array(1_000_000).fill("{}").join()}]` }, "items: must be at most 2000000 characters"],
    [{ ship_to: "Main Street 1" }, "ship_to: must be JSON"],
    [{ ship_to: '["Main Street 1"]' }, "ship_to: must be an object"],
    [{ ship_to: '{"city":"\\u0000"}' }, "ship_to.city: must hold no NUL character"],
    [{ priority: "asap" }, "priority: must be one of low, normal, high, urgent"],
    [{ policy: "hope" }, "policy: must be one of backorder, partial, reject"],
  ])("refuses %j, naming the field", (change, reason) => {
    expect(reasonOf({ ...good, ...change } as Record<string, string>)).toBe(reason);
  });

  it("names the first three of many faults", () => {
    const items = `[${Array(6).fill('{"listing_id":0,"quantity":1}').join()}]`;
    expect(reasonOf({ ...good, items })).toMatch(/^items\[0\].*items\[2\].*; and 3 more$/);
  });

  it("refuses an order without its fields", () => {
    expect(reasonOf({ type: "order.confirmed" })).toBe(
      "order_id: is missing, or no number; items: is missing",
    );
    expect(reasonOf({ type: "order.cancelled" })).toBe("order_id: is missing, or no number");
  });

  it("refuses an order with more fields than anybody needs", () => {
    const many = Object.fromEntries(Array.from({ length: 1_001 }, (_, nth) => [`field_${nth}`, ""]));
    expect(reasonOf({ ...good, ...many } as Record<string, string>)).toBe("fields: must be at most 1000");
  });

  it("knows an entry's id without reading all of it, as it knows it when it reads it", () => {
    const cases: Record<string, string>[] = [
      {},
      { type: "order.created", event_id: "e" },
      { type: "order.confirmed", event_id: "e" },
      { type: "order.cancelled" },
      { type: "order.cancelled", event_id: "a\0b" },
    ];
    expect(cases.map((fields) => identifyOrderEntry("1-0", fields))).toEqual([
      "1-0",
      undefined,
      "e",
      "1-0",
      "1-0",
    ]);
    for (const fields of cases) {
      const decoded = decodeOrderEntry("1-0", fields);
      if (decoded.kind === "poison") expect(identifyOrderEntry("1-0", fields)).toBe(decoded.eventId);
    }
  });
});
