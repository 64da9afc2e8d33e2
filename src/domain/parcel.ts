/** Lengths in cm, weights in kg. */
export interface Dimensions {
  weight: number;
  length: number;
  width: number;
  height: number;
}

/** Centimetres cubed per kilogram: the metric convention of the carriers (seed 004 §2.3). */
const VOLUMETRIC_DIVISOR = 5000;

export function volumetricWeight(box: Pick<Dimensions, "length" | "width" | "height">): number {
  return (box.length * box.width * box.height) / VOLUMETRIC_DIVISOR;
}

export function chargeableWeight(box: Dimensions): number {
  return Math.max(box.weight, volumetricWeight(box));
}
