import type { Address } from "../../domain/address.ts";
import type { LabelPackage } from "../carrier.ts";

/** An address but for its street. */
export function townOf({ city, state, postal_code, country }: Address): object {
  return {
    ...(city ? { city } : {}),
    ...(state ? { stateOrProvinceCode: state } : {}),
    ...(postal_code ? { postalCode: postal_code } : {}),
    countryCode: country,
  };
}

export function measuresOf({ weight, length, width, height }: LabelPackage): object {
  const sides = [length, width, height].map(Math.ceil);
  const dimensions = { length: sides[0], width: sides[1], height: sides[2], units: "CM" };
  return {
    weight: { units: "KG", value: Math.round(weight * 1000) / 1000 },
    ...(sides.every((side) => side > 0) ? { dimensions } : {}),
  };
}
