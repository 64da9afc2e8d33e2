import { type CarrierFact, CarrierRefusal, type TrackedParcel } from "./carrier.ts";

/** Who is refused so often in a row is refused for who he is, not for what he asks. */
const REFUSALS = 3;

/** For carriers that tell of one parcel a call: that one is refused costs the others nothing. */
export async function askEach(
  parcels: readonly TrackedParcel[],
  ask: (tracking_number: string) => Promise<readonly CarrierFact[]>,
): Promise<CarrierFact[]> {
  const facts: CarrierFact[] = [];
  let refused = 0;
  for (const { tracking_number } of parcels)
    try {
      facts.push(...(await ask(tracking_number)));
      refused = 0;
    } catch (error) {
      refused += 1;
      const isUs = refused === Math.min(REFUSALS, parcels.length);
      if (!(error instanceof CarrierRefusal) || isUs) throw error;
    }
  return facts;
}
