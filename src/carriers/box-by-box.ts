import { type BoughtLabel, CarrierUncertain, type LabelPackage } from "./carrier.ts";

/**
 * For carriers that sell the label of one box at a time. Whatever goes wrong with a later box, a refusal as well, those
 * before it are bought: so it is never true that nothing was done, and the error says what. They are not given back
 * here: when the purchase is tried again, the carrier knows them.
 */
export async function buyBoxByBox(
  boxes: readonly LabelPackage[],
  buyOne: (box: LabelPackage) => Promise<BoughtLabel>,
): Promise<BoughtLabel[]> {
  const bought: BoughtLabel[] = [];
  for (const box of boxes) bought.push(await buyOne(box).catch((error: unknown) => tell(error, box, bought)));
  return bought;
}

function tell(error: unknown, { sequence_number }: LabelPackage, bought: readonly BoughtLabel[]): never {
  if (bought.length === 0) throw error;
  const numbers = bought.map(({ tracking_number }) => tracking_number).join(", ");
  const why = error instanceof Error ? error.message : String(error);
  throw new CarrierUncertain(`box ${sequence_number}, after ${numbers} was bought: ${why}`, { cause: error });
}
