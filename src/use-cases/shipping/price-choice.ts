import type { Carriers, LabelRequest, Quote } from "../../carriers/carrier.ts";
import type { Address } from "../../domain/address.ts";
import type { CarrierRule, CarrierRules } from "../../domain/carrier-choice.ts";
import { type Candidate, isAmount, type Price } from "../../domain/cheapest-quote.ts";
import type { Dimensions } from "../../domain/parcel.ts";

/** A parcel as carriers have to know it to name a price. */
export interface PricedParcel {
  from: Address;
  to: Address;
  boxes: readonly Dimensions[];
}

export type AskPrices = (
  parcel: PricedParcel,
  candidates: readonly [Candidate, ...Candidate[]],
) => Promise<[Price, ...Price[]]>;

/** A rule chooses by price, and nobody can be asked while a transaction is open. */
export class PricesNeeded extends Error {
  readonly rule: CarrierRule;
  readonly candidates: readonly [Candidate, ...Candidate[]];
  readonly parcel: PricedParcel;

  constructor(rule: CarrierRule, candidates: readonly [Candidate, ...Candidate[]], parcel: PricedParcel) {
    super("prices have to be asked for first");
    this.name = "PricesNeeded";
    this.rule = rule;
    this.candidates = candidates;
    this.parcel = parcel;
  }
}

/** What was asked for meanwhile may have changed the parcel, and with it the rule; more often than that it doesn't. */
const MAX_ROUNDS = 3;

/**
 * Does what needs a carrier. Where the rules choose by price, the work is given up before it has changed anything, the
 * prices are asked for with no transaction open, and it is done again with what was found out.
 */
export async function withPrices<T>(
  rules: CarrierRules,
  ask: AskPrices | undefined,
  work: (rules: CarrierRules) => Promise<T>,
): Promise<T> {
  let known = rules;
  for (let round = 1; ; round++) {
    try {
      return await work(known);
    } catch (error) {
      if (!(error instanceof PricesNeeded) || round === MAX_ROUNDS) throw error;
      const prices = await (ask ?? askNobody)(error.parcel, error.candidates);
      known = known.map((rule) => (rule === error.rule ? { ...rule, prices } : rule));
    }
  }
}

const askNobody: AskPrices = async (_parcel, [first, ...others]) => {
  const failed = "this process asks no carrier";
  return [{ ...first, failed }, ...others.map((one) => ({ ...one, failed }))];
};

export interface PriceOptions {
  /** Whoever has not answered by then is left out. */
  deadlineMs?: number;
  /** For so long a price is not asked for again, nor one that was not to be had. */
  keepMs?: number;
  keepFailureMs?: number;
  now?: () => number;
}

const KEPT = 5_000;

/** Asks carriers at once; the same question is asked once in a while. */
export function createPriceAsker(
  carriers: Carriers,
  { deadlineMs = 2_500, keepMs = 600_000, keepFailureMs = 15_000, now = Date.now }: PriceOptions = {},
): AskPrices {
  const kept = new Map<string, { price: Promise<Price>; until: number }>();
  const askOnce = (candidate: Candidate, parcel: PricedParcel): Promise<Price> => {
    const key = JSON.stringify([candidate, parcel]);
    const known = kept.get(key);
    if (known && known.until > now()) return known.price;
    const price = askOne(carriers, candidate, parcel);
    const entry = { price, until: now() + keepMs };
    kept.delete(key);
    kept.set(key, entry);
    if (kept.size > KEPT) kept.delete(kept.keys().next().value as string);
    void price.then((one) => {
      if ("failed" in one) entry.until = Math.min(entry.until, now() + keepFailureMs);
    });
    return price;
  };
  return async (parcel, [first, ...others]) => {
    const late = deadline(deadlineMs);
    const asked = (one: Candidate) =>
      Promise.race([askOnce(one, parcel), late.then((failed) => ({ ...one, failed }))]);
    const [one, ...more] = await Promise.all([asked(first), ...others.map(asked)]);
    return [one as Price, ...more];
  };
}

function deadline(ms: number): Promise<string> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms, `no answer within ${ms} ms`).unref();
  });
}

/** Never throws: a carrier that names no price is one that is not compared. */
async function askOne(carriers: Carriers, candidate: Candidate, parcel: PricedParcel): Promise<Price> {
  const carrier = carriers.get(candidate.carrier_code);
  if (!carrier?.quote) return { ...candidate, failed: carrier ? "it quotes none" : "it is not configured" };
  try {
    const quotes = await carrier.quote(requestOf(candidate, parcel));
    return (
      priceOf(candidate, quotes) ?? { ...candidate, failed: "it does not offer the service for this parcel" }
    );
  } catch (error) {
    return { ...candidate, failed: (error instanceof Error ? error.message : String(error)).slice(0, 200) };
  }
}

function priceOf(candidate: Candidate, quotes: readonly Quote[]): Price | undefined {
  const [quote] = quotes.filter(({ service }) => candidate.service === "" || service === candidate.service);
  if (!quote || !isAmount(quote.amount)) return undefined;
  return { ...candidate, amount: quote.amount, currency: quote.currency };
}

function requestOf({ service }: Candidate, { from, to, boxes }: PricedParcel): LabelRequest {
  const packages = boxes.map((box, index) => ({ ...box, sequence_number: index + 1 }));
  return { reference: "quote", service, order_number: "", from, to, packages, goods: [] };
}
