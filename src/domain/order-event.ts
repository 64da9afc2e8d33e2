import type { OrderPolicy, Priority } from "./vocabulary.ts";

/** What the Listings service tells us of an order, read and checked. */
export type OrderEvent = OrderConfirmed | OrderCancelled;

interface Delivery {
  /** The producer's `event_id`, or else the entry's id: the key under which its effect happens once. */
  eventId: string;
  /** The entry's id on the stream. */
  entryId: string;
}

export interface OrderConfirmed extends Delivery {
  kind: "confirmed";
  order: ConfirmedOrder;
}

export interface ConfirmedOrder {
  order_id: bigint;
  storefront_id: bigint;
  order_number: string;
  priority: Priority;
  policy: OrderPolicy;
  ship_to: Record<string, string>;
  /** One listing may stand on several lines. */
  items: { listing_id: bigint; quantity: number; warehouse_id: bigint | null }[];
}

export interface OrderCancelled extends Delivery {
  kind: "cancelled";
  order_id: bigint;
  reason: string;
  /** Empty: the whole order. */
  items: { listing_id: bigint; quantity: number }[];
}
