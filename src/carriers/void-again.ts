import { CarrierRefusal } from "./carrier.ts";

/**
 * A label may be given back more than once. Carriers refuse the second time, each in its own words, few of them
 * documented; a refusal that says so is as good as a yes.
 */
export async function voidOnceMore(
  giveBack: () => Promise<void>,
  saysItIsGone = /already\s(been\s)?(cancel|delet|void|refund|submitted)/i,
): Promise<void> {
  try {
    await giveBack();
  } catch (error) {
    if (!(error instanceof CarrierRefusal && saysItIsGone.test(error.message))) throw error;
  }
}

/** Gives each one back, also when another one is refused; then throws what the first of them met with. */
export async function voidEach<Label>(
  labels: readonly Label[],
  giveBack: (label: Label) => Promise<void>,
): Promise<void> {
  const failures: unknown[] = [];
  for (const label of labels) await giveBack(label).catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}
