import { createHash } from "node:crypto";
import type { TrackingStatus } from "../../domain/vocabulary.ts";

/** One scan of a simulated parcel, some time after it was handed over. */
export interface Scan {
  hours: number;
  status: TrackingStatus;
  raw_code: string;
  description: string;
  location: string;
}

const HUBS = ["North hub", "South hub", "East hub", "West hub"];

/** Of a hundred parcels: so many come back, so many more are held up on the way. */
const RETURNED_PERCENT = 1;
const HELD_UP_PERCENT = 4;

/**
 * What will happen to a parcel, from nothing but its number: the same for every process that asks, at any time.
 * A life-like journey takes one to three days.
 */
export function journeyOf(tracking_number: string): Scan[] {
  const random = randomFrom(tracking_number);
  const hub = HUBS[Math.floor(random() * HUBS.length)] as string;
  const luck = random() * 100;
  const accepted = 0.5 + random() * 2;
  const atHub = accepted + 3 + random() * 9;
  const out = atHub + 10 + random() * 30;
  const road: Scan[] = [
    {
      hours: accepted,
      status: "in_transit",
      raw_code: "ACC",
      description: "Accepted at origin",
      location: "Origin",
    },
    { hours: atHub, status: "in_transit", raw_code: "HUB", description: "Departed from hub", location: hub },
    out_for_delivery(out),
  ];
  if (luck < RETURNED_PERCENT) return [...road, refused(out + 3), turned(out + 5), back(out + 40)];
  if (luck < RETURNED_PERCENT + HELD_UP_PERCENT)
    return [...road, heldUp(out + 4), out_for_delivery(out + 24), delivered(out + 28 + random() * 4)];
  return [...road, delivered(out + 1 + random() * 7)];
}

function out_for_delivery(hours: number): Scan {
  return {
    hours,
    status: "out_for_delivery",
    raw_code: "OFD",
    description: "Out for delivery",
    location: "Destination",
  };
}

function delivered(hours: number): Scan {
  return { hours, status: "delivered", raw_code: "DLV", description: "Delivered", location: "Destination" };
}

function heldUp(hours: number): Scan {
  return {
    hours,
    status: "exception",
    raw_code: "EXC",
    description: "Address unclear, held",
    location: "Destination",
  };
}

function refused(hours: number): Scan {
  return {
    hours,
    status: "exception",
    raw_code: "REF",
    description: "Refused by recipient",
    location: "Destination",
  };
}

function turned(hours: number): Scan {
  return {
    hours,
    status: "return_to_sender",
    raw_code: "RTS",
    description: "Returning to sender",
    location: "Destination",
  };
}

function back(hours: number): Scan {
  return {
    hours,
    status: "returned",
    raw_code: "RET",
    description: "Returned to sender",
    location: "Origin",
  };
}

/** Numbers from 0 to 1, four bytes of a hash at a time. */
function randomFrom(seed: string): () => number {
  const bytes = createHash("sha256").update(`journey:${seed}`).digest();
  let offset = 0;
  return () => bytes.readUInt32BE((offset++ * 4) % 32) / 2 ** 32;
}
