import type { HostScan } from "./parcel-store.ts";

export function journey(): HostScan[] {
  const at = (hours: number) => new Date(Date.UTC(2026, 0, 15, 18) + hours * 3_600_000);
  return [
    { code: "3000", text: "Order information received by Canada Post", place: "OTTAWA, ON", at: at(0) },
    { code: "0100", text: "Item processed at postal facility", place: "OTTAWA, ON", at: at(3) },
    {
      code: "0173",
      text: "Customer addressing error found; attempting to correct",
      place: "TORONTO, ON",
      at: at(9),
    },
    { code: "0174", text: "Item out for delivery", place: "TORONTO, ON", at: at(38) },
    { code: "1482", text: "Attempted delivery. Notice card left", place: "TORONTO, ON", at: at(40) },
    {
      code: "1407",
      text: "Notice card left indicating where and when to pick up item",
      place: "TORONTO, ON",
      at: at(42),
    },
    { code: "0020", text: "Signature image recorded for Online viewing", place: "TORONTO, ON", at: at(64) },
    { code: "1496", text: "Item successfully delivered", place: "TORONTO, ON", at: at(65) },
  ];
}

/** Eastern standard time. */
export function occurrenceOf({ code, text: description, place, at }: HostScan): string {
  const local = new Date(at.getTime() - 5 * 3_600_000).toISOString();
  const [site, province] = place.split(", ");
  return `<occurrence><event-identifier>${code}</event-identifier><event-date>${local.slice(0, 10)}</event-date><event-time>${local.slice(11, 19)}</event-time><event-time-zone>EST</event-time-zone><event-description>${description}</event-description><signatory-name></signatory-name><event-site>${site}</event-site><event-province>${province}</event-province><event-retail-name/></occurrence>`;
}

/** Sixteen digits, the last a check digit. */
export function canadaPostNumber(count: number): string {
  const digits = `702321${String(count * 7919).padStart(9, "0")}`;
  const sum = Array.from(digits).reduce(
    (total, digit, index) => total + Number(digit) * (index % 2 === 0 ? 3 : 1),
    0,
  );
  return `${digits}${(10 - (sum % 10)) % 10}`;
}
