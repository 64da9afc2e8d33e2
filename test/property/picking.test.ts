import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DomainError } from "../../src/domain/errors.ts";
import { comparePickRoute } from "../../src/domain/pick-route.ts";
import { decidePick, type PickableItem } from "../../src/domain/picking.ts";
import { insertIntoWalk } from "../../src/domain/short-pick.ts";

const scan = fc.record({
  quantity: fc.integer({ min: 0, max: 12 }),
  short_reason: fc.option(fc.constant("missing"), { nil: undefined }),
});

describe("picks of one item, whatever is scanned", () => {
  it("always add up: picked + missing + open = required, and refused picks change nothing", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.array(scan, { maxLength: 20 }), (required, scans) => {
        let item: PickableItem = {
          id: 1n,
          task_id: 1n,
          status: "pending",
          quantity_required: required,
          quantity_picked: 0,
          open_quantity: required,
          location_code: "A",
          location_barcode: "A",
          sku: "S",
          barcodes: [],
        };
        let missing = 0;
        for (const pick of scans.filter(({ quantity, short_reason }) => quantity > 0 || short_reason)) {
          const verdict = attempt(() => decidePick(item, pick));
          if (!verdict) continue;
          missing += verdict.missing;
          item = {
            ...item,
            status: verdict.status,
            quantity_picked: item.quantity_picked + verdict.picked,
            open_quantity: item.open_quantity - verdict.picked - verdict.missing,
          };
          expect(item.open_quantity).toBeGreaterThanOrEqual(0);
          expect(item.quantity_picked + missing + item.open_quantity).toBe(required);
          expect(item.status === "picked").toBe(item.quantity_picked === required);
        }
        if (missing > 0) expect(attempt(() => decidePick(item, { quantity: 1 }))).toBeUndefined();
      }),
    );
  });
});

function attempt<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (error instanceof DomainError) return undefined;
    throw error;
  }
}

const place = fc.record({
  pick_sequence: fc.constantFrom(0, 0, 0, 3, 5),
  aisle: fc.integer({ min: 1, max: 4 }),
  bay: fc.integer({ min: 1, max: 6 }),
  level: fc.integer({ min: 1, max: 2 }),
  location_id: fc.bigInt({ min: 1n, max: 1_000n }),
});

describe("replacements in a walk", () => {
  it("number it 1, 2, 3 … without gaps, keep the others' order, and never send the picker back first", () => {
    fc.assert(
      fc.property(
        fc.array(place, { minLength: 1, maxLength: 8 }),
        fc.array(place, { maxLength: 4 }),
        fc.nat(),
        (places, replacements, at) => {
          const stops = places
            .toSorted(comparePickRoute)
            .map((stop, index) => ({ ...stop, sequence: index + 1 }));
          const here = stops[at % stops.length] as (typeof stops)[number];
          const { moved, sequences } = insertIntoWalk(stops, here, replacements);
          const after = new Map(moved.map(({ stop, sequence }) => [stop, sequence]));
          const numbers = stops.map((stop) => after.get(stop) ?? stop.sequence);
          expect([...numbers, ...sequences].sort((a, b) => a - b)).toEqual(
            Array.from({ length: stops.length + replacements.length }, (_, index) => index + 1),
          );
          expect(numbers.toSorted((a, b) => a - b)).toEqual(numbers);
          const hereNow = after.get(here) ?? here.sequence;
          for (const sequence of sequences) expect(sequence).toBeGreaterThan(hereNow);
        },
      ),
    );
  });

  it("takes what lies ahead on the way and what lies behind at the end", () => {
    const stop = (bay: number, sequence: number) => ({
      pick_sequence: 0,
      aisle: 1,
      bay,
      level: 1,
      location_id: BigInt(bay),
      sequence,
    });
    const stops = [stop(1, 1), stop(4, 2), stop(8, 3)];
    const { moved, sequences } = insertIntoWalk(stops, stops[1] as (typeof stops)[number], [
      stop(9, 0),
      stop(6, 0),
      stop(2, 0),
    ]);
    expect(sequences).toEqual([5, 3, 6]);
    expect(moved.map(({ stop: { bay }, sequence }) => [bay, sequence])).toEqual([[8, 4]]);
  });
});
