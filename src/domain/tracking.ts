import type { ShipmentStatus, TrackingStatus } from "./vocabulary.ts";

/** What a shipment's status is derived from: one thing that was stated of one package, or of all of them. */
export interface TrackingFact {
  /** null: of the whole shipment. */
  package_id: bigint | null;
  status: TrackingStatus;
  occurred_at: Date;
}

/** The part of a shipment's lifecycle that only carriers decide. */
export type TrackedStatus = Exclude<ShipmentStatus, "ready" | "shipped" | "cancelled">;

export interface TrackedState {
  status: TrackedStatus;
  /** The earliest fact that shows the carrier in possession. */
  handed_over_at: Date;
  /** Set when every package is delivered: the last one's time. */
  delivered_at: Date | null;
}

type FinalStatus = "delivered" | "returned" | "lost";

const FINAL = ["lost", "delivered", "returned"] as const satisfies readonly FinalStatus[];

/** Where the parcel is while its journey goes on. Left out: what says nothing of where it is. */
const UNDER_WAY: Partial<Record<TrackingStatus, Exclude<TrackedStatus, FinalStatus>>> = {
  in_transit: "in_transit",
  delivery_attempted: "in_transit",
  out_for_delivery: "out_for_delivery",
  available_for_pickup: "available_for_pickup",
  exception: "exception",
  return_to_sender: "exception",
};

/** Decides between facts of one moment: the one that stands further along. */
const RANK: Partial<Record<TrackingStatus, number>> = {
  in_transit: 0,
  out_for_delivery: 1,
  delivery_attempted: 2,
  available_for_pickup: 3,
  exception: 4,
  return_to_sender: 5,
};

/**
 * The status that all facts together mean; undefined while none shows the parcel in the carrier's hands.
 *
 * It is a function of the SET of facts: repeating them or learning of them in another order changes nothing. By event
 * time the latest decides. A package's final word is never taken back, only corrected by a stronger one: a lost
 * parcel may be found (delivered), and what was taken for delivered may turn out to be the sender's own door (returned).
 */
export function trackedState(
  package_ids: readonly bigint[],
  facts: readonly TrackingFact[],
): TrackedState | undefined {
  const telling = facts.filter((fact) => isFinal(fact.status) || UNDER_WAY[fact.status] !== undefined);
  const [first] = telling;
  if (!first) return undefined;
  const handed_over_at = telling.reduce(
    (at, fact) => (fact.occurred_at < at ? fact.occurred_at : at),
    first.occurred_at,
  );
  const packages = package_ids.length === 0 ? [null] : package_ids;
  const endings = packages.map((id) => endingOf(telling.filter((fact) => isAbout(fact, id))));
  const worst = FINAL.find((status) => status !== "delivered" && endings.includes(status));
  if (endings.includes(undefined))
    return { status: latestUnderWay(telling), handed_over_at, delivered_at: null };
  if (worst) return { status: worst, handed_over_at, delivered_at: null };
  return {
    status: "delivered",
    handed_over_at,
    delivered_at: latest(telling.filter((fact) => fact.status === "delivered")),
  };
}

/** Whether nothing more is to come of a shipment; what is already known may still be corrected. */
export function isTerminal(status: ShipmentStatus): boolean {
  return status === "delivered" || status === "returned" || status === "lost" || status === "cancelled";
}

function isAbout(fact: TrackingFact, package_id: bigint | null): boolean {
  return fact.package_id === null || package_id === null || fact.package_id === package_id;
}

function isFinal(status: TrackingStatus): status is FinalStatus {
  return (FINAL as readonly TrackingStatus[]).includes(status);
}

/** returned > delivered > lost: each is a stronger word than the one below it. */
function endingOf(facts: readonly TrackingFact[]): FinalStatus | undefined {
  const statuses = new Set(facts.map((fact) => fact.status));
  if (statuses.has("returned")) return "returned";
  if (statuses.has("delivered")) return cameBack(facts) ? "returned" : "delivered";
  return statuses.has("lost") ? "lost" : undefined;
}

/** A delivery after the parcel was sent back is one at the sender's door. */
function cameBack(facts: readonly TrackingFact[]): boolean {
  const turned = facts
    .filter((fact) => fact.status === "return_to_sender")
    .map((fact) => fact.occurred_at.getTime());
  const delivered = facts
    .filter((fact) => fact.status === "delivered")
    .map((fact) => fact.occurred_at.getTime());
  return turned.length > 0 && Math.min(...turned) <= Math.max(...delivered);
}

function latestUnderWay(facts: readonly TrackingFact[]): Exclude<TrackedStatus, FinalStatus> {
  const moving = facts.filter((fact) => UNDER_WAY[fact.status] !== undefined);
  const [first] = moving;
  if (!first) return "in_transit"; // one package has arrived, of the others nothing is known yet
  const last = moving.reduce((a, b) => (compareFacts(a, b) < 0 ? b : a), first);
  return UNDER_WAY[last.status] ?? "in_transit";
}

function compareFacts(a: TrackingFact, b: TrackingFact): number {
  return a.occurred_at.getTime() - b.occurred_at.getTime() || (RANK[a.status] ?? 0) - (RANK[b.status] ?? 0);
}

function latest(facts: readonly TrackingFact[]): Date {
  return new Date(Math.max(...facts.map((fact) => fact.occurred_at.getTime())));
}
