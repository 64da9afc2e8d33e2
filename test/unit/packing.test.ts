import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { followShipments } from "../../src/domain/fulfillment-progress.ts";
import { fulfillmentMachine, labelMachine, shipmentMachine } from "../../src/domain/machines.ts";
import { assertAllPacked, packUnits, parcelWeights } from "../../src/domain/packing.ts";
import { chooseContents } from "../../src/domain/shipment-contents.ts";
import { canTransition } from "../../src/domain/state-machine.ts";

const item = { id: 1n, listing_id: 9n, quantity: 5, packed_quantity: 3 };

describe("packUnits", () => {
  it("adds up to what was picked", () => {
    expect(packUnits(item, 2)).toBe(5);
    expect(() => packUnits(item, 3)).toThrow(expect.objectContaining({ reason: "QUANTITY_EXCEEDED" }));
  });
});

describe("assertAllPacked", () => {
  it("takes a task of which nothing was counted as packed whole", () => {
    expect(() => assertAllPacked(1n, [{ ...item, packed_quantity: 0 }])).not.toThrow();
  });

  it("names what a count left behind", () => {
    const packed = { ...item, id: 2n, packed_quantity: 5 };
    expect(() => assertAllPacked(1n, [item, packed])).toThrow(
      expect.objectContaining({ reason: "ITEMS_UNPACKED", metadata: { task_id: "1", unpacked: "1" } }),
    );
  });
});

describe("parcelWeights", () => {
  const box = { weight: 1.5, length: 30, width: 20, height: 10 };

  it("divides the volume by 5000 and takes the greater weight, box by box", () => {
    expect(parcelWeights(box, [])).toEqual({ volumetric_weight: 1.2, chargeable_weight: 1.5 });
    expect(parcelWeights(box, [box, { ...box, weight: 1 }])).toEqual({
      volumetric_weight: 2.4,
      chargeable_weight: 2.7,
    });
  });

  it("is zero for what was not measured", () => {
    const unmeasured = { weight: null, length: null, width: null, height: null };
    expect(parcelWeights(unmeasured, [])).toEqual({ volumetric_weight: 0, chargeable_weight: 0 });
  });
});

describe("chooseContents", () => {
  const line = fc.record({
    order_item_id: fc.bigInt({ min: 1n, max: 50n }),
    listing_id: fc.bigInt({ min: 1n, max: 3n }),
    quantity: fc.constant(100),
    remaining: fc.nat(20),
  });
  const lines = fc.uniqueArray(line, { selector: (one) => one.order_item_id, minLength: 1, maxLength: 6 });
  const wish = fc.record({
    listing_id: fc.bigInt({ min: 1n, max: 3n }),
    quantity: fc.integer({ min: 1, max: 30 }),
  });

  it("gives exactly what is wanted, from lines that have it, or refuses", () => {
    fc.assert(
      fc.property(lines, fc.array(wish, { minLength: 1, maxLength: 4 }), (open, wishes) => {
        const wanted = wishes.map((one, index) => ({ field: `items[${index}]`, ...one }));
        const left = (listing_id: bigint) =>
          sum(open.filter((one) => one.listing_id === listing_id).map((one) => one.remaining));
        const asked = (listing_id: bigint) =>
          sum(wishes.filter((one) => one.listing_id === listing_id).map((one) => one.quantity));
        const possible = wishes.every((one) => asked(one.listing_id) <= left(one.listing_id));
        if (!possible) {
          expect(() => chooseContents(open, wanted)).toThrow();
          return;
        }
        const chosen = chooseContents(open, wanted);
        expect(sum(chosen.map((one) => one.quantity))).toBe(sum(wishes.map((one) => one.quantity)));
        for (const one of chosen)
          expect(one.quantity).toBeLessThanOrEqual(
            open.find((of) => of.order_item_id === one.order_item_id)?.remaining ?? 0,
          );
      }),
    );
  });
});

describe("followShipments", () => {
  const shipment = fc.record({
    status: fc.constantFrom(...shipmentMachine.statuses),
    label_status: fc.constantFrom(...labelMachine.statuses),
    tracking_number: fc.constantFrom(null, "N"),
  });

  it("only takes legal steps, and once taken has nothing more to do", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...fulfillmentMachine.statuses),
        fc.array(shipment, { maxLength: 4 }),
        fc.nat(1),
        (status, all, left) => {
          let now = status;
          for (const action of followShipments(status, all, left)) {
            expect(canTransition(fulfillmentMachine, now, action)).toBe(true);
            now = fulfillmentMachine.actions[action].to;
          }
          expect(followShipments(now, all, left)).toEqual([]);
        },
      ),
    );
  });

  it("keeps a fulfillment in the house while anything of it is", () => {
    const gone = { status: "shipped", label_status: "created", tracking_number: "A" } as const;
    const here = { status: "ready", label_status: "created", tracking_number: "B" } as const;
    expect(followShipments("ready", [gone, here], 0)).toEqual([]);
    expect(followShipments("ready", [gone], 1)).toEqual([]);
    expect(followShipments("packed", [gone], 0)).toEqual(["ship"]);
    expect(followShipments("packed", [{ ...gone, status: "lost" }], 0)).toEqual(["ship", "complete"]);
  });
});

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
