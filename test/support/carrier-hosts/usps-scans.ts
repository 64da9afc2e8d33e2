import type { HostScan } from "./parcel-store.ts";

export function journey(): HostScan[] {
  const at = (hours: number) => new Date(Date.UTC(2026, 0, 15, 18) + hours * 3_600_000);
  return [
    { code: "GX", text: "Shipping Label Created, USPS Awaiting Item", place: "Denver, CO", at: at(0) },
    { code: "03", text: "Accepted at USPS Origin Facility", place: "Denver, CO", at: at(3) },
    { code: "10", text: "Arrived at USPS Facility", place: "Denver, CO", at: at(9) },
    { code: "OF", text: "Out for Delivery", place: "Austin, TX", at: at(38) },
    { code: "02", text: "Notice Left", place: "Austin, TX", at: at(40) },
    { code: "14", text: "Available for Pickup", place: "Austin, TX", at: at(42) },
    { code: "01", text: "Delivered, Left with Individual", place: "Austin, TX", at: at(65) },
  ];
}

/** Mountain time, written as if it were UTC. */
export function eventOf({ code, text, place, at }: HostScan): object {
  const [eventCity, eventState] = place.split(", ");
  return {
    eventType: text,
    eventTimestamp: new Date(at.getTime() - 7 * 3_600_000).toISOString().slice(0, 19) + "Z",
    GMTTimestamp: at.toISOString(),
    GMTOffset: "-7:00",
    eventCountry: null,
    eventCity,
    eventState,
    eventZIP: "80202",
    firm: null,
    name: null,
    authorizedAgent: "false",
    eventCode: code,
  };
}

/** In version 3r2 the time on the wall names its offset. */
export function eventOfR2(scan: HostScan): object {
  const { eventZIP: eventZIPCode, name: recipientName, ...event } = eventOf(scan) as Record<string, unknown>;
  const wall = new Date(scan.at.getTime() - 7 * 3_600_000).toISOString().slice(0, 19);
  return { ...event, eventTimestamp: `${wall}-07:00`, eventZIPCode, recipientName, reasonCode: null };
}
