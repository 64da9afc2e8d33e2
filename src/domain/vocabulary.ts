/** The closed sets of words that stand in the database, in the contract and in events alike. */

import type { reservationMachine } from "./machines.ts";
import type { StatusOf } from "./state-machine.ts";

export type { RemovalStrategy } from "./allocation.ts";
export type {
  FulfillmentStatus,
  LabelAttemptStatus,
  LabelStatus,
  OrderStatus,
  PackingTaskStatus,
  PickingTaskItemStatus,
  PickingTaskStatus,
  ShipmentStatus,
} from "./machines.ts";
export type ReservationStatus = StatusOf<typeof reservationMachine>;

/** Ascending: the last is picked first. */
export const PRIORITIES = ["low", "normal", "high", "urgent"] as const;
export type Priority = (typeof PRIORITIES)[number];

/**
 * What happens to an order that the stock can't serve whole. `backorder`: it holds what there is and waits for the
 * rest; `partial`: what there is ships, the rest follows; `reject`: it is refused, and holds nothing.
 */
export const ORDER_POLICIES = ["backorder", "partial", "reject"] as const;
export type OrderPolicy = (typeof ORDER_POLICIES)[number];

export const PACKAGING_TYPES = ["box", "bag", "envelope", "pallet", "custom"] as const;
export type PackagingType = (typeof PACKAGING_TYPES)[number];

export type PackingTaskItemStatus = "pending" | "fully_packed";
export type LocationKind = "bin" | "put_back" | "quarantine";
export type ChannelSyncStatus = "pending" | "tracking_updated" | "failed";
export type LabelFormat = "zpl" | "pdf" | "png";

/** Where units can be. `shelf` is a product location; the others are outside the shelves. */
export type MovementPlace = "shelf" | "supplier" | "packing" | "customer" | "loss";

/** What a carrier says of a parcel, normalised. */
export const TRACKING_STATUSES = [
  "label_created",
  "in_transit",
  "out_for_delivery",
  "available_for_pickup",
  "delivery_attempted",
  "delivered",
  "exception",
  "return_to_sender",
  "returned",
  "lost",
  "cancelled",
  "unknown",
] as const;
export type TrackingStatus = (typeof TRACKING_STATUSES)[number];
