/** A carrier that may take a parcel, and by which of its services. */
export interface Candidate {
  carrier_code: string;
  /** The carrier's own name of the service; empty: its default. */
  service: string;
}

/** What a candidate asks for a parcel, or why that is not known. */
export type Price = Candidate & ({ amount: string; currency: string } | { failed: string });

type Offer = Candidate & { amount: string; currency: string };

export interface CheapestChoice {
  chosen: Candidate;
  /** All prices, and why this one was taken, for a person to read. */
  reason: string;
}

/**
 * The cheapest of the candidates, which stand in the order in which they are preferred: of equal prices the first is
 * taken, and where no price is known, the first of all. Prices in another currency than that of the first offer are not
 * compared: what they come to is for whoever knows the day's rate.
 */
export function cheapestOf(prices: readonly [Price, ...Price[]]): CheapestChoice {
  const [first] = prices;
  const offers = prices.filter((price): price is Offer => "amount" in price);
  const currency = offers[0]?.currency;
  const told = prices.map((price) => wordsOf(price, currency)).join("; ");
  const comparable = offers.filter((offer) => offer.currency === currency);
  const best = comparable.reduce<Offer | undefined>(
    (least, offer) => (least && !isLess(offer.amount, least.amount) ? least : offer),
    undefined,
  );
  if (!best) return { chosen: candidateOf(first), reason: `${told}; without a price the first is taken` };
  return { chosen: candidateOf(best), reason: `${told}; ${nameOf(best)} is the cheapest` };
}

function candidateOf({ carrier_code, service }: Candidate): Candidate {
  return { carrier_code, service };
}

function nameOf({ carrier_code, service }: Candidate): string {
  return service ? `${carrier_code} ${service}` : carrier_code;
}

function wordsOf(price: Price, currency: string | undefined): string {
  if ("failed" in price) return `${nameOf(price)} gives no price: ${price.failed}`;
  const words = `${nameOf(price)} takes ${price.amount} ${price.currency}`;
  return price.currency === currency ? words : `${words}, not compared with ${currency}`;
}

const AMOUNT = /^(\d{1,12})(?:\.(\d{1,6}))?$/;
const DIGITS = 6;

/** Whether it is an amount of money as it is written everywhere here: "12.40". */
export function isAmount(text: string): boolean {
  return AMOUNT.test(text);
}

function isLess(one: string, other: string): boolean {
  return millionths(one) < millionths(other);
}

/** Exact, whatever the currency's own number of decimals. */
function millionths(amount: string): bigint {
  const [, whole, fraction = ""] = AMOUNT.exec(amount) ?? [];
  if (whole === undefined) throw new Error(`${amount} is no amount of money`);
  return BigInt(whole + fraction.padEnd(DIGITS, "0"));
}

/** What several boxes come to, of which each has its price. */
export function sumOfAmounts(amounts: readonly string[]): string {
  const sum = String(amounts.reduce((total, amount) => total + millionths(amount), 0n)).padStart(
    DIGITS + 1,
    "0",
  );
  const fraction = sum.slice(-DIGITS).replace(/0{1,4}$/, "");
  return `${sum.slice(0, -DIGITS)}.${fraction}`;
}
