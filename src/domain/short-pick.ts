import { comparePickRoute, type RouteStop } from "./pick-route.ts";

/** An item's place in the walk. */
export interface Stop extends RouteStop {
  sequence: number;
}

/**
 * Puts replacements into a walk that has begun, and numbers it anew: 1, 2, 3, … Those that lie ahead of the picker are
 * taken on the way; those behind come last, so that nobody turns round twice. The other stops keep their order.
 */
export function insertIntoWalk<S extends Stop>(
  stops: readonly S[],
  here: S,
  replacements: readonly RouteStop[],
): Walk<S> {
  const walk: (S | RouteStop)[] = stops.toSorted((a, b) => a.sequence - b.sequence);
  const route = replacements.toSorted(comparePickRoute);
  const isAhead = (stop: RouteStop) => comparePickRoute(here, stop) <= 0;
  for (const stop of route.filter(isAhead)) {
    const after = walk.indexOf(here);
    const before = walk.findIndex((other, at) => at > after && comparePickRoute(other, stop) > 0);
    walk.splice(before === -1 ? walk.length : before, 0, stop);
  }
  walk.push(...route.filter((stop) => !isAhead(stop)));
  const sequenceOf = new Map(walk.map((stop, at) => [stop, at + 1]));
  return {
    moved: stops.flatMap((stop) => {
      const sequence = sequenceOf.get(stop) as number;
      return sequence === stop.sequence ? [] : { stop, sequence };
    }),
    sequences: replacements.map((replacement) => sequenceOf.get(replacement) as number),
  };
}

export interface Walk<S> {
  /** Stops whose number changed. */
  moved: { stop: S; sequence: number }[];
  /** The replacements' numbers, in the order given. */
  sequences: number[];
}
