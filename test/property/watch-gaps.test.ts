import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { TailEvent } from "../../src/db/outbox-tail.ts";
import { Gaps } from "../../src/rpc/watch/gaps.ts";

/** What goes on in a database that gives positions out before it commits. */
class Positions {
  #nextXid = 100n;
  #nextPosition = 1n;
  readonly #open = new Map<bigint, bigint[]>();
  readonly visible = new Set<bigint>();

  begin(): void {
    this.#open.set(this.#nextXid++, []);
  }

  write(which: number): void {
    this.#pick(which)?.positions.push(this.#nextPosition++);
  }

  end(which: number, commits: boolean): void {
    const picked = this.#pick(which);
    if (!picked) return;
    this.#open.delete(picked.xid);
    if (commits) for (const position of picked.positions) this.visible.add(position);
  }

  #pick(which: number): { xid: bigint; positions: bigint[] } | undefined {
    const all = [...this.#open];
    const chosen = all[which % Math.max(all.length, 1)];
    return chosen && { xid: chosen[0], positions: chosen[1] };
  }

  /** The lowest position that may still become visible. */
  get lowestOpen(): bigint | undefined {
    return [...this.#open.values()].flat().sort((a, b) => Number(a - b))[0];
  }

  read(gaps: Gaps): bigint[] {
    const wanted = [...this.visible].filter(
      (position) =>
        position > gaps.last || gaps.open.some(({ from, to }) => position >= from && position <= to),
    );
    const read = wanted.sort((a, b) => Number(a - b));
    const xids = [...this.#open.keys()].sort((a, b) => Number(a - b));
    const events = read.map((position) => ({ position }) as TailEvent);
    gaps.note({ events, xmin: xids[0] ?? this.#nextXid, xmax: this.#nextXid });
    return read;
  }
}

const step = fc.oneof(
  fc.constant({ act: "begin" as const }),
  fc.record({ act: fc.constant("write" as const), which: fc.nat(9) }),
  fc.record({ act: fc.constant("end" as const), which: fc.nat(9), commits: fc.boolean() }),
  fc.constant({ act: "read" as const }),
);

describe("whoever reads positions that become visible out of order", () => {
  it("sees each once, and never calls settled what may still come", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const database = new Positions();
        const gaps = new Gaps(0n);
        const seen: bigint[] = [];
        for (const one of steps) {
          if (one.act === "begin") database.begin();
          else if (one.act === "write") database.write(one.which);
          else if (one.act === "end") database.end(one.which, one.commits);
          else {
            seen.push(...database.read(gaps));
            const open = database.lowestOpen;
            if (open !== undefined) expect(gaps.settled).toBeLessThan(open);
          }
        }
        for (let open = 0; open < 200; open++) database.end(0, true);
        seen.push(...database.read(gaps));
        expect(seen.sort((a, b) => Number(a - b))).toEqual(
          [...database.visible].sort((a, b) => Number(a - b)),
        );
        expect(gaps.settled).toBe(gaps.last);
      }),
      { numRuns: 2_000 },
    );
  });
});
