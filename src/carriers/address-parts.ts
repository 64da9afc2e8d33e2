import type { Address } from "../domain/address.ts";
import { CarrierRefusal } from "./carrier.ts";

/** Throws CarrierRefusal that names every part of an address that the carrier can't do without. */
export function requireParts(
  name: string,
  addresses: Readonly<Record<string, Address>>,
  parts: readonly (keyof Address)[],
): void {
  const missing = Object.entries(addresses).flatMap(([whose, address]) =>
    parts.filter((part) => address[part] === "").map((part) => `${whose}.${part}`),
  );
  if (missing.length > 0)
    throw new CarrierRefusal(`${name} needs ${missing.join(", ")}`, "ADDRESS_INCOMPLETE");
}

/** Who it is for, one line; at least one of the two must be known. */
export function personOf({ contact_name, company }: Address): string {
  return contact_name || company;
}

export function streetLines({ street, street2 }: Address): string[] {
  return [street, street2].filter(Boolean);
}
