import type { LabelPackage } from "../carrier.ts";

const KG_PER_POUND = 0.45359237;
const CM_PER_INCH = 2.54;

/** A box in pounds and inches, the same for its price and for its label. */
export function measuresOf({ weight, length, width, height }: LabelPackage) {
  return {
    weight: Math.max(0.001, rounded(weight / KG_PER_POUND, 3)),
    length: inches(length),
    width: inches(width),
    height: inches(height),
  };
}

function inches(cm: number): number {
  return Math.max(0.01, rounded(cm / CM_PER_INCH, 2));
}

function rounded(value: number, digits: number): number {
  return Math.round(value * 10 ** digits) / 10 ** digits;
}
