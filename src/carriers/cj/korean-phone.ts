/**
 * A Korean number in CJ's three parts: the area (02 of Seoul has two digits, 0507 and its kin four), the exchange, the
 * line. A number for the whole country, such as 1566-1674, has no area and is written with 000.
 */
export function phoneParts(phone: string): [string, string, string] {
  const digits = phone.replace(/\D/g, "").replace(/^(00)?82(?=[1-9])/, "0");
  if (!digits) return ["000", "0000", "0000"];
  const area = areaOf(digits);
  const rest = area === "000" ? digits : digits.slice(area.length);
  const line = rest.slice(-4);
  return [area, rest.slice(0, -4) || "0", line];
}

function areaOf(digits: string): string {
  if (digits.startsWith("02")) return "02";
  if (/^050\d/.test(digits) && digits.length >= 12) return digits.slice(0, 4);
  return digits.startsWith("0") ? digits.slice(0, 3) : "000";
}
