import type { HostScan } from "./parcel-store.ts";

export function journey(): HostScan[] {
  const at = (hours: number) => new Date(Date.UTC(2026, 0, 15, 18, 7, 4) + hours * 3_600_000);
  return [
    { code: "003/M", text: "Shipper created a label", place: "Atlanta, GA", at: at(0) },
    { code: "038/P", text: "Pickup Scan", place: "Atlanta, GA", at: at(3) },
    { code: "005/I", text: "Departed from Facility", place: "Atlanta, GA", at: at(9) },
    { code: "021/I", text: "Out for Delivery", place: "Austin, TX", at: at(38) },
    { code: "022/X", text: "The customer was not available", place: "Austin, TX", at: at(40) },
    { code: "040/I", text: "At an access point", place: "Austin, TX", at: at(43) },
    { code: "011/D", text: "Delivered", place: "Austin, TX", at: at(65) },
  ];
}

/** `022/X` in a journey is status code 022 of type X. */
export function activityOf({ code, text, place, at }: HostScan): object {
  const [statusCode, type] = code.split("/");
  const [city, stateProvince] = place.split(", ");
  const local = new Date(at.getTime() - 5 * 3_600_000);
  return {
    date: dateOf(local),
    time: timeOf(local),
    gmtDate: dateOf(at),
    gmtTime: timeOf(at).replace(/^0+(?=\d)/, ""), // as UPS writes it: a number once
    gmtOffset: "-05:00",
    location: { address: { city, stateProvince, countryCode: "US", country: "US" }, slic: "8566" },
    status: { type, code: "XX", statusCode, description: text },
  };
}

export function dateOf(at: Date): string {
  return at.toISOString().slice(0, 10).replaceAll("-", "");
}

export function timeOf(at: Date): string {
  return at.toISOString().slice(11, 19).replaceAll(":", "");
}
