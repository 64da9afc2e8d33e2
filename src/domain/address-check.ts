import type { Address } from "./address.ts";

interface PostalCode {
  format: RegExp;
  example: string;
}

const digits = (count: number, example: string): PostalCode => ({
  format: new RegExp(`^\\d{${count}}$`),
  example,
});
const grouped = (format: RegExp, example: string): PostalCode => ({ format, example });

/** Countries whose addresses need a postal code, as it is written there. Of any other country none is asked for. */
const POSTAL_CODES: Readonly<Record<string, PostalCode>> = {
  US: grouped(/^\d{5}(-\d{4})?$/, "10001 or 10001-1234"),
  CA: grouped(/^[ABCEGHJ-NPRSTVXY]\d[ABCEGHJ-NPRSTV-Z] ?\d[ABCEGHJ-NPRSTV-Z]\d$/i, "K1A 0B1"),
  RS: grouped(/^\d{5,6}$/, "11000"), // six digits: the code of the address itself
  GR: grouped(/^\d{3} ?\d{2}$/, "104 31"),
  CY: digits(4, "1010"),
  KR: digits(5, "03051"),
  CN: digits(6, "100000"),
  JP: grouped(/^\d{3}-?\d{4}$/, "100-0001"),
  GB: grouped(/^(GIR ?0AA|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2})$/i, "SW1A 1AA"),
  DE: digits(5, "10115"),
  AT: digits(4, "1010"),
  CH: digits(4, "8001"),
  FR: digits(5, "75001"),
  IT: digits(5, "00118"),
  ES: digits(5, "28001"),
  PT: grouped(/^\d{4}-\d{3}$/, "1000-001"),
  NL: grouped(/^\d{4} ?[A-Z]{2}$/i, "1011 AB"),
  BE: digits(4, "1000"),
  SI: digits(4, "1000"),
  HR: digits(5, "10000"),
  BA: digits(5, "71000"),
  ME: digits(5, "81000"),
  MK: digits(4, "1000"),
  BG: digits(4, "1000"),
  RO: digits(6, "010011"),
  HU: digits(4, "1011"),
  PL: grouped(/^\d{2}-\d{3}$/, "00-001"),
  CZ: grouped(/^\d{3} ?\d{2}$/, "110 00"),
  SK: grouped(/^\d{3} ?\d{2}$/, "811 01"),
  SE: grouped(/^\d{3} ?\d{2}$/, "111 22"),
  NO: digits(4, "0150"),
  DK: digits(4, "1050"),
  FI: digits(5, "00100"),
  AU: digits(4, "2000"),
  MX: digits(5, "06000"),
  IN: grouped(/^\d{3} ?\d{3}$/, "110001"),
};

/** Countries whose carriers don't find an address without its state or province, of two or three letters. */
const STATES: Readonly<Record<string, { format: RegExp; example: string }>> = {
  US: { format: /^[A-Z]{2}$/i, example: "NY" },
  CA: { format: /^[A-Z]{2}$/i, example: "ON" },
  AU: { format: /^[A-Z]{2,3}$/i, example: "NSW" },
};

/**
 * What keeps a parcel from being sent to this address: one sentence that names the field; undefined: nothing that can
 * be seen from here. What only some carriers ask for, such as a phone number, they refuse themselves.
 */
export function addressProblem(address: Address): string | undefined {
  const { contact_name, company, country } = address;
  if (contact_name === "" && company === "") return "ship_to.contact_name is missing, and so is company";
  for (const field of ["street", "city", "country"] as const)
    if (!/[\p{L}\p{N}]/u.test(address[field])) return `ship_to.${field} is missing`;
  if (!/^[A-Z]{2}$/.test(country))
    return `ship_to.country is "${country.slice(0, 40)}": it must be two capital letters, such as RS`;
  return (
    misspelt("state", address, STATES[country]) ?? misspelt("postal_code", address, POSTAL_CODES[country])
  );
}

function misspelt(
  field: "state" | "postal_code",
  address: Address,
  wanted: { format: RegExp; example: string } | undefined,
): string | undefined {
  if (!wanted || wanted.format.test(address[field])) return undefined;
  const such = `in ${address.country} it is written as ${wanted.example}`;
  if (address[field] === "") return `ship_to.${field} is missing: ${such}`;
  return `ship_to.${field} is "${address[field].slice(0, 40)}": ${such}`;
}
