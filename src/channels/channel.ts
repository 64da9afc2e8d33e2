import type { OrderStatus } from "../domain/vocabulary.ts";

/** An order as a channel knows it. */
export interface ChannelOrder {
  order_number: string;
  status: string;
}

/** Where orders come from, and where their status is reported. Nothing here is called inside a transaction. */
export interface OrderChannel {
  readonly code: string;
  /** Throws ChannelError unless the channel took the status. */
  updateOrderStatus(order_id: bigint, status: OrderStatus, message: string): Promise<void>;
  /** Undefined: the channel doesn't know the order. */
  getOrder(order_id: bigint): Promise<ChannelOrder | undefined>;
}

/** Where a marketplace's order stands, in our words. `waiting`: for somebody else than us. */
export type MarketOrderState = "to_accept" | "waiting" | "to_ship" | "shipped" | "cancelled";

export interface MarketLine {
  line_id: string;
  sku: string;
  quantity: number;
  /** Refused or cancelled there: it is not to be shipped. */
  cancelled: boolean;
  /** Units that were cancelled or refunded there; whether `quantity` still counts them, the channel doesn't say. */
  given_back: number;
}

export interface MarketOrder {
  channel_order_id: string;
  state: MarketOrderState;
  /** By the marketplace's clock. */
  updated_at: Date;
  /** The channel says that the seller may cancel it, whole, as it stands now. */
  cancellable: boolean;
  /** The parts of an address by our names. */
  ship_to: Record<string, string>;
  lines: readonly MarketLine[];
}

/** Some orders of a marketplace; those whose data make no sense do not keep the others out. */
export interface MarketPage {
  orders: readonly MarketOrder[];
  unreadable: readonly { channel_order_id: string; problem: string }[];
}

export interface ParcelNumber {
  /** Ours, such as `canada_post`. */
  carrier_code: string;
  carrier_name: string;
  tracking_number: string;
}

/** A marketplace: sells our goods, and is told when its orders are on their way. Each call throws ChannelError. */
export interface Marketplace {
  readonly code: string;
  /** Seconds between two looks at its orders, at least. */
  readonly pollSeconds: number;
  /** Orders are accepted as soon as all their goods are known here; else somebody accepts them there. */
  readonly acceptsOrders: boolean;
  readonly storefront_id: bigint;
  /** Orders that changed since then, page by page; null: all that are open. */
  listOrders(since: Date | null): AsyncIterable<MarketPage>;
  /** At most a hundred. */
  findOrders(channel_order_ids: readonly string[]): Promise<MarketPage>;
  acceptOrder(order: MarketOrder): Promise<void>;
  /** Cancels it there, whole; only while it is `cancellable`. */
  cancelOrder(channel_order_id: string): Promise<void>;
  /** May be repeated: the last number stands. */
  sendTracking(channel_order_id: string, parcel: ParcelNumber): Promise<void>;
  /** Must not be repeated once it was done: look at the order's state first. */
  confirmShipped(channel_order_id: string): Promise<void>;
}

/** The channels that this installation reports to. */
export interface Channels {
  listings?: OrderChannel | undefined;
  marketplaces?: readonly Marketplace[] | undefined;
}

interface ChannelErrorOptions extends ErrorOptions {
  retryAfterSeconds?: number | null;
  denied?: boolean;
}

/** A call that did not do what it should. */
export class ChannelError extends Error {
  /** The same call may succeed later. */
  readonly retryable: boolean;
  /** As the channel asks for; null: it doesn't say. */
  readonly retryAfterSeconds: number | null;
  /** Our credentials are not taken: whatever we ask, until somebody changes that. */
  readonly denied: boolean;

  constructor(
    message: string,
    retryable: boolean,
    { retryAfterSeconds = null, denied = false, ...options }: ChannelErrorOptions = {},
  ) {
    super(message, options);
    this.name = "ChannelError";
    this.retryable = retryable;
    this.retryAfterSeconds = retryAfterSeconds;
    this.denied = denied;
  }
}
