import { describe, expect, it } from "vitest";
import { planCancellation, type TaskUnits } from "../../src/domain/cancel-plan.ts";

const MANY = 5_000;
const numbers = Array.from({ length: MANY }, (_, nth) => nth + 1);

const wish = (nth: number, listing_id: bigint, quantity: number) => ({
  id: BigInt(nth),
  listing_id,
  quantity,
  applied_quantity: 0,
});

const waiting = (nth: number, listing_id: bigint, shortage_quantity: number) => ({
  id: BigInt(nth),
  listing_id,
  shortage_quantity,
});

/** Counts how often a listing is looked at: that is what makes a large order slow. */
function counted<Row extends { listing_id: bigint }>(rows: readonly Row[], looks: { count: number }): Row[] {
  return rows.map(({ listing_id, ...rest }) =>
    Object.defineProperty(rest, "listing_id", {
      get() {
        looks.count += 1;
        return listing_id;
      },
    }),
  ) as Row[];
}

describe("planCancellation", () => {
  it("takes what waits first, then what is held, then what a picker has yet to take, then what lies picked", () => {
    const item: TaskUnits = {
      task_id: 1n,
      listing_id: 5n,
      order_item_id: 3n,
      reservation_id: 30n,
      fulfillment_status: "picking",
      open_quantity: 3,
      quantity_picked: 4,
      unpacked_quantity: 2,
    };
    const held = { id: 20n, listing_id: 5n, order_item_id: 2n, open_quantity: 2 };
    const plan = planCancellation([wish(1, 5n, 20), wish(2, 6n, 1)], [waiting(1, 5n, 1)], [held], [item]);
    expect(plan).toEqual({
      lines: [
        { id: 1n, put_back: 0, cancelled: 1 },
        { id: 2n, put_back: 0, cancelled: 2 },
        { id: 3n, put_back: 0, cancelled: 3 },
        { id: 3n, put_back: 2, cancelled: 2 },
      ],
      releases: [
        { reservation_id: 20n, quantity: 2 },
        { reservation_id: 30n, quantity: 3 },
      ],
      items: [
        { item, required: 3, picked: 0 },
        { item, required: 2, picked: 2 },
      ],
      granted: [{ id: 1n, quantity: 8 }],
    });
  });

  it("looks at no line in vain, however many there are", () => {
    const looks = { count: 0 };
    const wishes = counted(
      numbers.map((nth) => wish(nth, BigInt(nth), 1)),
      looks,
    );
    const lines = numbers.map((nth) => waiting(nth, BigInt(nth), 1)).toReversed();
    expect(planCancellation(wishes, lines, [], []).granted).toHaveLength(MANY);
    expect(looks.count).toBeLessThan(5 * MANY);
  });

  it("leaves behind what is used up, when all lines are of one listing", () => {
    const items = numbers.map(
      (nth): TaskUnits => ({
        task_id: 1n,
        listing_id: 5n,
        order_item_id: BigInt(nth),
        reservation_id: BigInt(nth),
        fulfillment_status: "picked",
        open_quantity: 0,
        quantity_picked: 1,
        unpacked_quantity: 1,
      }),
    );
    const wishes = numbers.map((nth) => wish(nth, 5n, 1));
    const from = performance.now();
    const plan = planCancellation(wishes, [], [], items);
    expect(performance.now() - from).toBeLessThan(1_000); // some milliseconds; if each were looked at each time, seconds
    expect(plan.lines).toEqual(numbers.map((nth) => ({ id: BigInt(nth), put_back: 1, cancelled: 1 })));
  });
});
