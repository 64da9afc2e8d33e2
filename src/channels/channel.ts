import type { OrderStatus } from "../domain/vocabulary.ts";

/** What went over the wire, for the audit. */
export interface Exchange {
  request: unknown;
  /** null: no answer came. */
  status_code: number | null;
  body: string;
}

/** An order as a channel knows it. */
export interface ChannelOrder {
  order_number: string;
  status: string;
}

/** Where orders come from, and where their status is reported. Nothing here is called inside a transaction. */
export interface OrderChannel {
  readonly code: string;
  /** Throws ChannelError unless the channel took the status. */
  updateOrderStatus(order_id: bigint, status: OrderStatus, message: string): Promise<Exchange>;
  /** Undefined: the channel doesn't know the order. */
  getOrder(order_id: bigint): Promise<ChannelOrder | undefined>;
}

/** The channels that this installation reports to. */
export interface Channels {
  listings?: OrderChannel | undefined;
}

/** A call that did not do what it should. `retryable`: the same call may succeed later. */
export class ChannelError extends Error {
  readonly exchange: Exchange;
  readonly retryable: boolean;

  constructor(message: string, exchange: Exchange, retryable: boolean) {
    super(message);
    this.name = "ChannelError";
    this.exchange = exchange;
    this.retryable = retryable;
  }
}
