import type { Carrier, CarrierFact } from "../../../src/carriers/carrier.ts";
import { trackedState } from "../../../src/domain/tracking.ts";

/** What a carrier says of these numbers. */
export function follow(carrier: Carrier, ...numbers: readonly string[]): Promise<CarrierFact[]> {
  if (!carrier.track) throw new Error(`${carrier.name} can't be asked`);
  return carrier.track(numbers.map((tracking_number) => ({ tracking_number, shipped_at: null })));
}

/** The shipment's status that the facts lead to. */
export function statusAfter(facts: readonly CarrierFact[]): string | undefined {
  return trackedState(
    [],
    facts.map((fact) => ({ ...fact, package_id: null })),
  )?.status;
}
