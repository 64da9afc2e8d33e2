import { type Candidate, cheapestOf, type Price } from "./cheapest-quote.ts";
import { chargeableWeightBy, type Dimensions, VOLUMETRIC_DIVISOR } from "./parcel.ts";

/** The carrier of shipments for which nobody named one, where no rules are set: the simulated one. */
const DEFAULT_CARRIER = "mock";

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

export interface CarrierRule {
  /** Empty: it is known by its number. */
  name: string;
  when: RuleConditions;
  /** Cubic centimetres that count as a kilogram, by the carrier's contract. */
  volumetric_divisor: number;
  carrier_code: string;
  /** The carrier's own name of the service; empty: what the caller asked for, or the carrier's default. */
  service: string;
  /** The cheapest of these takes it, of which the carrier above is the first. Left out: nobody else is asked. */
  among?: readonly [Candidate, ...Candidate[]] | undefined;
  /** What each of them asks for the parcel at hand, as far as that was found out. Left out: nobody has asked. */
  prices?: readonly [Price, ...Price[]] | undefined;
}

/** In the order in which they are asked; the last asks for nothing. */
export type CarrierRules = readonly CarrierRule[];

/** What holds where no rules are set. */
export const DEFAULT_RULES: CarrierRules = [
  {
    name: "default",
    when: {},
    volumetric_divisor: VOLUMETRIC_DIVISOR,
    carrier_code: DEFAULT_CARRIER,
    service: "",
  },
];

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

export interface RuleVerdict {
  rule: CarrierRule;
  /** Counted from 1. */
  number: number;
  /** True of one: the first whose conditions all hold. */
  matched: boolean;
  /** Why it was taken or not, for a person to read. */
  reason: string;
}

export interface CarrierChoice {
  carrier_code: string;
  service: string;
  explanation: readonly RuleVerdict[];
}

/** The first rule that holds for the parcel chooses; what it says of every rule is what happened. */
export function chooseCarrier(rules: CarrierRules, parcel: ParcelToSend): CarrierChoice {
  const matching = matchingRule(rules, parcel);
  const { chosen, why } = takerOf(matching.rule, parcel.service);
  const explanation = rules.map((rule, index) => {
    const number = index + 1;
    const after = `not asked: rule ${matching.number} was first`;
    if (number > matching.number) return { rule, number, matched: false, reason: after };
    const unmet = unmetCondition(rule, parcel);
    if (unmet !== undefined) return { rule, number, matched: false, reason: unmet };
    const reason = asksForNothing(rule) ? "it takes every parcel" : "everything that it asks for holds";
    return { rule, number, matched: true, reason: why ? `${reason}; ${why}` : reason };
  });
  return { ...chosen, explanation };
}

/** The first rule that holds, counted from 1. */
export function matchingRule(
  rules: CarrierRules,
  parcel: ParcelToSend,
): { rule: CarrierRule; number: number } {
  const index = rules.findIndex((rule) => unmetCondition(rule, parcel) === undefined);
  const rule = rules[index];
  if (!rule) throw new Error("no rule takes every parcel");
  return { rule, number: index + 1 };
}

function takerOf(rule: CarrierRule, asked: string): { chosen: Candidate; why: string } {
  if (rule.prices) {
    const { chosen, reason } = cheapestOf(rule.prices);
    return { chosen, why: reason };
  }
  const chosen = { carrier_code: rule.carrier_code, service: serviceOf(rule, asked) };
  return { chosen, why: rule.among ? "nobody was asked for a price, so that the first takes it" : "" };
}

/** Those whom a rule lets compete, with the service that each would be asked for. */
export function candidatesOf(rule: CarrierRule, asked: string): [Candidate, ...Candidate[]] | undefined {
  if (!rule.among) return undefined;
  const [first, ...others] = rule.among;
  const named = (one: Candidate) => ({
    ...one,
    service: serviceOf({ ...rule, service: one.service }, asked),
  });
  return [named(first), ...others.map(named)];
}

export function asksForNothing({ when }: CarrierRule): boolean {
  return Object.values(when).every((condition) => condition === undefined);
}

/** What was asked for stays, unless the rule knows it and says what the carrier calls it. */
function serviceOf({ when, service }: CarrierRule, asked: string): string {
  return when.services ? service || asked : asked || service;
}

/** The first of a rule's conditions that doesn't hold, in words; undefined: all of them hold. */
function unmetCondition({ when, volumetric_divisor }: CarrierRule, parcel: ParcelToSend): string | undefined {
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
