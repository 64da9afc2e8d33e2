import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { shipmentMachine } from "../../src/domain/machines.ts";
import { actionBetween } from "../../src/domain/state-machine.ts";
import { isTerminal, type TrackingFact, trackedState } from "../../src/domain/tracking.ts";
import { type ShipmentStatus, TRACKING_STATUSES } from "../../src/domain/vocabulary.ts";

const START = Date.UTC(2027, 0, 1);
const PACKAGES = [1n, 2n, 3n];

const fact: fc.Arbitrary<TrackingFact> = fc.record({
  package_id: fc.constantFrom(null, ...PACKAGES),
  status: fc.constantFrom(...TRACKING_STATUSES),
  occurred_at: fc.integer({ min: 0, max: 12 }).map((hours) => new Date(START + hours * 3_600_000)),
});
const packages = fc.constantFrom([], PACKAGES.slice(0, 1), PACKAGES);
const facts = fc.array(fact, { maxLength: 12 });

/** A permutation of the facts, with some of them repeated. */
const shuffled = facts.chain((list) =>
  fc
    .tuple(
      fc.constant(list),
      list.length === 0 ? fc.constant([]) : fc.array(fc.constantFrom(...list), { maxLength: 12 }),
    )
    .chain(([all, again]) => fc.tuple(fc.constant(all), permutation([...all, ...again]))),
);

function permutation(list: readonly TrackingFact[]): fc.Arbitrary<TrackingFact[]> {
  return fc.shuffledSubarray([...list], { minLength: list.length, maxLength: list.length });
}

/** What a shipment goes through when its facts are learned one by one. */
function walk(package_ids: readonly bigint[], list: readonly TrackingFact[]): ShipmentStatus[] {
  return list.map((_, index) => trackedState(package_ids, list.slice(0, index + 1))?.status ?? "ready");
}

describe("trackedState", () => {
  it("is the same for every order and repetition of the same facts", () => {
    fc.assert(
      fc.property(packages, shuffled, (ids, [list, again]) => {
        expect(trackedState(ids, again)).toEqual(trackedState(ids, list));
      }),
      { numRuns: 2_000 },
    );
  });

  it("never goes back from a final status, in whatever order facts arrive", () => {
    fc.assert(
      fc.property(packages, shuffled, (ids, [, list]) => {
        const statuses = walk(ids, list);
        const final = statuses.findIndex(isTerminal);
        if (final >= 0) expect(statuses.slice(final).every(isTerminal)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it("only takes steps that the shipment's lifecycle allows, once it was handed over", () => {
    fc.assert(
      fc.property(packages, shuffled, (ids, [, list]) => {
        let status: ShipmentStatus = "shipped";
        for (const next of walk(ids, list)) {
          if (next === "ready" || next === status) continue;
          expect(actionBetween(shipmentMachine, status, next), `${status} → ${next}`).toBeDefined();
          status = next;
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it("is not moved by a fact older than the one that decided", () => {
    fc.assert(
      fc.property(facts, fact, (list, late) => {
        const before = trackedState([], list);
        const newest = Math.max(...list.map((one) => one.occurred_at.getTime()));
        if (!before || isTerminal(before.status) || isTerminal(trackedState([], [late])?.status ?? "ready"))
          return;
        const older = { ...late, occurred_at: new Date(Math.min(newest, START) - 1) };
        expect(trackedState([], [...list, older])?.status).toBe(before.status);
      }),
    );
  });
});
