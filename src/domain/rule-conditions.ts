import { chargeableWeightBy, type Dimensions } from "./parcel.ts";

/** What a rule asks for; all of it has to hold. What is left out is not asked for. */
export interface RuleConditions {
  /** Where it goes: ISO 3166, two letters. */
  countries?: readonly string[] | undefined;
  /** Where it comes from: warehouses' codes. */
  warehouses?: readonly string[] | undefined;
  storefronts?: readonly string[] | undefined;
  /** The service that the caller asked for. */
  services?: readonly string[] | undefined;
  /** Of the heaviest box: the greater of its weight and its volumetric weight. */
  min_weight_kg?: number | undefined;
  max_weight_kg?: number | undefined;
  /** Of the longest box: its longest side. */
  max_length_cm?: number | undefined;
  /** Of the largest box: its longest side and twice the sum of the others. */
  max_length_plus_girth_cm?: number | undefined;
}

export interface ParcelToSend {
  /** Empty: not known, and so are the others. */
  country: string;
  warehouse_code: string;
  storefront_id: string;
  /** What the caller asked for. */
  service: string;
  /** None: they are not measured yet. */
  boxes: readonly Dimensions[];
}

/** What of a rule decides whether it holds. */
interface Conditional {
  when: RuleConditions;
  volumetric_divisor: number;
}

/** The first of a rule's conditions that doesn't hold, in words; undefined: all of them hold. */
export function unmetCondition(
  { when, volumetric_divisor }: Conditional,
  parcel: ParcelToSend,
): string | undefined {
  return (
    notAmong("the destination", parcel.country, when.countries) ??
    notAmong("the warehouse", parcel.warehouse_code, when.warehouses) ??
    notAmong("the storefront", parcel.storefront_id, when.storefronts) ??
    notAmong("the service asked for", parcel.service, when.services) ??
    outside(
      { what: "the chargeable weight", unit: "kg" },
      parcel.boxes.map(chargeableWeightBy(volumetric_divisor)),
      { min: when.min_weight_kg, max: when.max_weight_kg },
    ) ??
    outside({ what: "the longest side", unit: "cm" }, parcel.boxes.map(longestSide), {
      max: when.max_length_cm,
    }) ??
    outside({ what: "length plus girth", unit: "cm" }, parcel.boxes.map(lengthPlusGirth), {
      max: when.max_length_plus_girth_cm,
    })
  );
}

function notAmong(what: string, value: string, wanted: readonly string[] | undefined): string | undefined {
  if (wanted === undefined || wanted.includes(value)) return undefined;
  return `${what} is ${value || "not stated"}, not ${wanted.join(" or ")}`;
}

interface Measure {
  what: string;
  unit: string;
}

/** Measures of boxes are judged by the greatest. */
function outside(
  { what, unit }: Measure,
  values: readonly number[],
  { min, max }: { min?: number | undefined; max: number | undefined },
): string | undefined {
  if (min === undefined && max === undefined) return undefined;
  if (values.length === 0) return `${what} is not known yet`;
  const greatest = Math.max(...values);
  const words = `${what} is ${Math.round(greatest * 1000) / 1000} ${unit}`;
  if (min !== undefined && greatest < min) return `${words}, below ${min} ${unit}`;
  if (max !== undefined && greatest > max) return `${words}, above ${max} ${unit}`;
  return undefined;
}

function longestSide({ length, width, height }: Dimensions): number {
  return Math.max(length, width, height);
}

function lengthPlusGirth(box: Dimensions): number {
  const longest = longestSide(box);
  return longest + 2 * (box.length + box.width + box.height - longest);
}
