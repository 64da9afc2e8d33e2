/** A postal address; empty text where a part is not known. */
export interface Address {
  contact_name: string;
  company: string;
  street: string;
  street2: string;
  city: string;
  state: string;
  postal_code: string;
  country: string;
  phone: string;
  email: string;
}

const PARTS = [
  "contact_name",
  "company",
  "street",
  "street2",
  "city",
  "state",
  "postal_code",
  "country",
  "phone",
  "email",
] as const satisfies readonly (keyof Address)[];

/** Reads a stored address, whatever of it there is. */
export function readAddress(stored: unknown): Address {
  const fields = typeof stored === "object" && stored !== null ? (stored as Record<string, unknown>) : {};
  const text = (value: unknown) =>
    typeof value === "string" || typeof value === "number" ? String(value).trim() : "";
  return Object.fromEntries(PARTS.map((part) => [part, text(fields[part])])) as unknown as Address;
}

/** The lines of an address block, top down; parts that are not known take no room. */
export function addressLines(address: Address): string[] {
  const town = [address.postal_code, address.city, address.state].filter(Boolean).join(" ");
  return [
    address.contact_name,
    address.company,
    address.street,
    address.street2,
    town,
    address.country,
  ].filter(Boolean);
}
