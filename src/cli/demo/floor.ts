import type { Random } from "./random.ts";
import { Refusal } from "./rpc-client.ts";

/** What the crew has done so far. */
export interface Tally {
  picks: number;
  shortPicks: number;
  picked: number;
  packed: number;
  shipped: number;
  /** Work that the service took away: cancelled orders, tasks that somebody else had. */
  refusals: Map<string, number>;
}

export interface Floor {
  warehouses: readonly bigint[];
  packers: number;
  tally: Tally;
  over(): boolean;
}

/** One of the crew, with a mind of its own. */
export interface Worker {
  id: bigint;
  random: Random;
}

export function emptyTally(): Tally {
  return { picks: 0, shortPicks: 0, picked: 0, packed: 0, shipped: 0, refusals: new Map() };
}

/** The service may take work out of somebody's hands; that is its right, and counted. False: it did. */
export async function tolerant(floor: Floor, work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    note(floor, error);
    return false;
  }
}

export function note({ tally }: Floor, error: unknown): void {
  if (!(error instanceof Refusal)) throw error;
  const key = error.reason || error.message;
  tally.refusals.set(key, (tally.refusals.get(key) ?? 0) + 1);
}

/** Whoever finds nothing to do looks again soon, then less often. */
export function idlePause(rounds: number): number {
  return Math.min(500, 50 * 2 ** rounds);
}
