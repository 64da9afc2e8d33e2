import { type Candidate, cheapestOf, type Price } from "./cheapest-quote.ts";
import { VOLUMETRIC_DIVISOR } from "./parcel.ts";
import { type ParcelToSend, type RuleConditions, unmetCondition } from "./rule-conditions.ts";

/** The carrier of shipments for which nobody named one, where no rules are set: the simulated one. */
const DEFAULT_CARRIER = "mock";

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
