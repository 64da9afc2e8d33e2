import { EVENTS } from "../domain/events.ts";

/** The streams that the relay writes, and nobody else. */
export const OWN_STREAMS: readonly string[] = [
  ...new Set(Object.values(EVENTS).map((event) => event.stream)),
];

/** A Redis answer of alternating names and values. */
export function asRecord(flat: readonly unknown[]): Record<string, unknown> {
  return Object.fromEntries(flat.flatMap((name, at) => (at % 2 === 0 ? [[String(name), flat[at + 1]]] : [])));
}

/** Entry ids compare as two numbers, the milliseconds and the counter within them. */
export function isEarlier(a: string, b: string): boolean {
  const [aTime = 0n, aNumber = 0n] = a.split("-").map(BigInt);
  const [bTime = 0n, bNumber = 0n] = b.split("-").map(BigInt);
  return aTime < bTime || (aTime === bTime && aNumber < bNumber);
}
