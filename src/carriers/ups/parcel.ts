import type { Address } from "../../domain/address.ts";
import type { LabelPackage } from "../carrier.ts";
import type { UpsSettings } from "./settings.ts";

/** An address but for its street. */
export function townOf({ city, state, postal_code, country }: Address): object {
  const PostalCode = country === "US" ? postal_code.replace("-", "") : postal_code;
  return {
    ...(city ? { City: city } : {}),
    ...(state ? { StateProvinceCode: state } : {}),
    ...(PostalCode ? { PostalCode } : {}),
    CountryCode: country,
  };
}

const METRIC = { weight: "KGS", length: "CM", unit_kg: 1, unit_cm: 1 };
const IMPERIAL = { weight: "LBS", length: "IN", unit_kg: 0.45359237, unit_cm: 2.54 };

/** All numbers are texts. */
export function measuresOf({ units }: UpsSettings, box: LabelPackage): object {
  const { weight, length, unit_kg, unit_cm } = units === "metric" ? METRIC : IMPERIAL;
  const sides = [box.length, box.width, box.height];
  const [Length, Width, Height] = sides.map((side) => rounded(side / unit_cm));
  const Dimensions = { UnitOfMeasurement: { Code: length }, Length, Width, Height };
  return {
    ...(sides.every((side) => side > 0) ? { Dimensions } : {}),
    PackageWeight: { UnitOfMeasurement: { Code: weight }, Weight: rounded(box.weight / unit_kg) },
  };
}

function rounded(value: number): string {
  return String(Math.max(0.01, Math.round(value * 100) / 100));
}
