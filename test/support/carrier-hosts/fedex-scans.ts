import type { HostScan } from "./parcel-store.ts";

/** Order created, picked up, …, delivered. */
export function journey(): HostScan[] {
  const at = (hours: number) => new Date(Date.UTC(2026, 0, 15, 18) + hours * 3_600_000);
  return [
    { code: "OC", text: "Shipment information sent to FedEx", place: "Memphis, TN", at: at(0) },
    { code: "PU", text: "Picked up", place: "Memphis, TN", at: at(3) },
    { code: "DP", text: "Departed FedEx hub", place: "Memphis, TN", at: at(9) },
    { code: "OD", text: "On FedEx vehicle for delivery", place: "Austin, TX", at: at(38) },
    { code: "DE/08", text: "Delivery exception", place: "Austin, TX", at: at(40) },
    { code: "OD", text: "On FedEx vehicle for delivery", place: "Austin, TX", at: at(62) },
    { code: "DL", text: "Delivered", place: "Austin, TX", at: at(65) },
  ];
}

/** `DE/08` in a journey is event DE with exception 08. */
export function scanEvent({ code, text, place, at }: HostScan): object {
  const [eventType, exceptionCode = ""] = code.split("/");
  const [city, stateOrProvinceCode] = place.split(", ");
  return {
    date: withOffset(at),
    eventType,
    eventDescription: text,
    exceptionCode,
    exceptionDescription: exceptionCode ? "Customer not available or business closed" : "",
    scanLocation: { streetLines: [""], city, stateOrProvinceCode, countryCode: "US", residential: false },
    locationType: "FEDEX_FACILITY",
    derivedStatusCode: eventType,
    derivedStatus: text,
  };
}

/** As FedEx writes it: by the clock on the wall in Memphis. */
export function withOffset(at: Date): string {
  return `${new Date(at.getTime() - 6 * 3_600_000).toISOString().slice(0, 19)}-06:00`;
}
