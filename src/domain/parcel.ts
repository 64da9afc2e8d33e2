/** Lengths in cm, weights in kg. */
export interface Dimensions {
  weight: number;
  length: number;
  width: number;
  height: number;
}

/** Cubic centimetres that count as a kilogram: the metric convention of the carriers. */
export const VOLUMETRIC_DIVISOR = 5000;

export function volumetricWeight(box: Pick<Dimensions, "length" | "width" | "height">): number {
  return (box.length * box.width * box.height) / VOLUMETRIC_DIVISOR;
}

export function chargeableWeight(box: Dimensions): number {
  return chargeableWeightBy(VOLUMETRIC_DIVISOR)(box);
}

/** As a carrier counts whose contract has a divisor of its own. */
export function chargeableWeightBy(divisor: number): (box: Dimensions) => number {
  return ({ weight, length, width, height }) => Math.max(weight, (length * width * height) / divisor);
}
