export interface RouteStop {
  pick_sequence: number;
  aisle: number;
  bay: number;
  level: number;
  location_id: bigint;
}

/**
 * Orders stops as a picker walks: by the warehouse's own `pick_sequence` where it is set (above 0), else serpentine:
 * aisles ascending, odd ones from the first bay up, even ones back down, low levels before high ones.
 */
export function comparePickRoute(a: RouteStop, b: RouteStop): number {
  if (a.pick_sequence !== b.pick_sequence)
    return ownSequence(a) - ownSequence(b) || a.pick_sequence - b.pick_sequence;
  if (a.aisle !== b.aisle) return a.aisle - b.aisle;
  if (a.bay !== b.bay) return a.aisle % 2 === 0 ? b.bay - a.bay : a.bay - b.bay;
  if (a.level !== b.level) return a.level - b.level;
  return a.location_id < b.location_id ? -1 : a.location_id > b.location_id ? 1 : 0;
}

/** Places with a sequence of their own come first; the others follow by coordinates. */
function ownSequence(stop: RouteStop): number {
  return stop.pick_sequence > 0 ? 0 : 1;
}
