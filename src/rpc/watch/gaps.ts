import type { PositionRange, TailReading } from "../../db/outbox-tail.ts";

/** A gap, and the first transaction that can't be to blame for it: it had not begun when the gap was noticed. */
type Gap = PositionRange & { until: bigint };

/**
 * Positions are given out before their transactions commit, so that a later one may be visible before an earlier one.
 * This remembers what was skipped for as long as a transaction that may fill it is under way.
 */
export class Gaps {
  #open: Gap[] = [];
  #last: bigint;

  /** All up to `start` is settled. */
  constructor(start: bigint) {
    this.#last = start;
  }

  /** The highest position that was seen. */
  get last(): bigint {
    return this.#last;
  }

  get open(): readonly PositionRange[] {
    return this.#open;
  }

  /** Up to here everything was seen, or will never be there. */
  get settled(): bigint {
    const first = this.#open[0];
    return first ? first.from - 1n : this.#last;
  }

  /** Takes in what was read behind the last position and in the gaps. */
  note({ events, xmin, xmax }: TailReading): void {
    const positions = events.map((event) => event.position);
    const filled = positions.filter((position) => position <= this.#last);
    const older = filled.reduce(without, this.#open);
    const newer: Gap[] = [];
    for (const position of positions.slice(filled.length)) {
      if (position > this.#last + 1n) newer.push({ from: this.#last + 1n, to: position - 1n, until: xmax });
      this.#last = position;
    }
    this.#open = [...older, ...newer].filter((gap) => gap.until > xmin);
  }
}

/** The gaps that are left when one position is there. */
function without(gaps: Gap[], position: bigint): Gap[] {
  return gaps.flatMap((gap) => {
    if (position < gap.from || position > gap.to) return [gap];
    const parts = [
      { ...gap, to: position - 1n },
      { ...gap, from: position + 1n },
    ];
    return parts.filter((part) => part.from <= part.to);
  });
}
