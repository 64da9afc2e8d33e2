/** Each takes the digits before the check digit and gives the digit that belongs after them. */
export type CheckDigit = (payload: string) => string;

/**
 * GS1's: from the right ×3, ×1, ×3, …; what is missing to a multiple of ten. Also of USPS, of FedEx's 15 digits and of
 * Canada Post. Finds every single wrong digit.
 */
export const gs1Digit: CheckDigit = (payload) => {
  const sum = sumOf(digitsOf(payload).toReversed(), [3, 1]);
  return String((10 - (sum % 10)) % 10);
};

/** The Universal Postal Union's, over 8 digits. Two of its eleven remainders share the digit 5. */
export const s10Digit: CheckDigit = (payload) => {
  const rest = 11 - (sumOf(digitsOf(payload), [8, 6, 4, 2, 3, 5, 9, 7]) % 11);
  if (rest === 11) return "5";
  return rest === 10 ? "0" : String(rest);
};

/** FedEx's, over 11 digits. The remainders 0 and 10 share the digit 0. */
export const fedexDigit: CheckDigit = (payload) => String((sumOf(digitsOf(payload), [3, 1, 7]) % 11) % 10);

/** UPS's, over 15 letters and digits. A doubled digit that is wrong by five is not found. */
export const upsDigit: CheckDigit = (payload) => {
  const values = Array.from(payload, (sign) =>
    /\d/.test(sign) ? Number(sign) : ((sign.codePointAt(0) as number) - 3) % 10,
  );
  return String((10 - (sumOf(values, [1, 2]) % 10)) % 10);
};

/** Lotte's, over 11 digits: the remainder by seven. A digit that is wrong by seven is not found. */
export const lotteDigit: CheckDigit = (payload) => String(BigInt(payload) % 7n);

function digitsOf(text: string): number[] {
  return Array.from(text, Number);
}

/** The weights are repeated as often as need be. */
function sumOf(values: readonly number[], weights: readonly number[]): number {
  return values.reduce((sum, value, index) => sum + value * (weights[index % weights.length] as number), 0);
}
