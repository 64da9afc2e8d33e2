import { z } from "zod";
import {
  ChannelError,
  type MarketLine,
  type MarketOrder,
  type MarketOrderState,
  type MarketPage,
} from "../channel.ts";

const STATES: Readonly<Record<string, MarketOrderState>> = {
  STAGING: "waiting",
  WAITING_ACCEPTANCE: "to_accept",
  WAITING_DEBIT: "waiting",
  WAITING_DEBIT_PAYMENT: "waiting",
  SHIPPING: "to_ship",
  SHIPPED: "shipped",
  TO_COLLECT: "shipped",
  RECEIVED: "shipped",
  CLOSED: "shipped",
  REFUSED: "cancelled",
  CANCELED: "cancelled",
};
/** A line that is given back, or about to be, is not to be shipped either. */
const GONE = new Set(["REFUSED", "CANCELED", "REFUNDED", "WAITING_REFUND", "WAITING_REFUND_PAYMENT"]);

const MAX_TEXT = 500;
/** Postgres text holds no NUL. */
const part = z
  .union([z.string(), z.number()])
  .nullish()
  .transform((value) =>
    String(value ?? "")
      .replaceAll("\0", "")
      .trim()
      .slice(0, MAX_TEXT),
  );
const name = z.string().min(1).max(MAX_TEXT);

/** Entries without a quantity are money only. */
const unitsGivenBack = z
  .array(z.object({ quantity: z.int().min(0).nullish() }))
  .nullish()
  .transform((entries) => (entries ?? []).reduce((sum, { quantity }) => sum + (quantity ?? 0), 0));

const lineSchema = z.object({
  order_line_id: name,
  order_line_state: z.string(),
  offer_sku: name,
  quantity: z.int().min(1).max(1_000_000_000),
  cancelations: unitsGivenBack,
  refunds: unitsGivenBack,
});

const addressSchema = z.object({
  firstname: part,
  lastname: part,
  company: part,
  street_1: part,
  street_2: part,
  city: part,
  state: part,
  zip_code: part,
  country: part,
  country_iso_code: part,
  phone: part,
});

const orderSchema = z.object({
  order_id: name,
  order_state: z.string(),
  can_cancel: z.boolean().nullish(),
  last_updated_date: z.iso.datetime({ offset: true }),
  order_lines: z.array(lineSchema).min(1),
  customer_notification_email: part,
  customer: z.object({ shipping_address: addressSchema.nullish() }).nullish(),
});

const pageSchema = z.object({ orders: z.array(z.unknown()), total_count: z.number() });
const idSchema = z.object({ order_id: name });

/** An answer of OR11. */
export function readPage(given: unknown): MarketPage & { count: number; total: number } {
  const page = pageSchema.safeParse(given);
  if (!page.success) throw new ChannelError("Best Buy's list of orders can't be read", true);
  const read = page.data.orders.map(readOrder);
  return {
    orders: read.flatMap((one) => (one && "state" in one ? [one] : [])),
    unreadable: read.flatMap((one) => (one && "problem" in one ? [one] : [])),
    count: read.length,
    total: page.data.total_count,
  };
}

/** Undefined: not even its id can be read. */
function readOrder(given: unknown): MarketOrder | { channel_order_id: string; problem: string } | undefined {
  const order = orderSchema.safeParse(given);
  if (order.success) return orderOf(order.data);
  const known = idSchema.safeParse(given);
  const [issue] = order.error.issues;
  const problem = `${issue?.path.join(".")}: ${issue?.message}`;
  return known.success ? { channel_order_id: known.data.order_id, problem } : undefined;
}

function orderOf(order: z.output<typeof orderSchema>): MarketOrder {
  const lines = order.order_lines.map((line) => ({
    line_id: line.order_line_id,
    sku: line.offer_sku,
    quantity: line.quantity,
    cancelled: GONE.has(line.order_line_state),
    given_back: line.cancelations + line.refunds,
  }));
  return {
    channel_order_id: order.order_id,
    state: stateOf(order.order_state, lines),
    updated_at: new Date(order.last_updated_date),
    cancellable: order.can_cancel === true,
    ship_to: addressOf(order),
    lines,
  };
}

/** An order of which no line is left is over, whatever it is called; a state that we don't know is not ours to act on. */
function stateOf(given: string, lines: readonly MarketLine[]): MarketOrderState {
  const state = STATES[given] ?? "waiting";
  return state !== "shipped" && lines.every((line) => line.cancelled) ? "cancelled" : state;
}

/** Customers' addresses are shown only once the order is accepted. */
function addressOf({ customer, customer_notification_email: email }: z.output<typeof orderSchema>) {
  const address = customer?.shipping_address;
  if (!address) return {};
  const given = {
    contact_name: `${address.firstname} ${address.lastname}`.trim(),
    company: address.company,
    street: address.street_1,
    street2: address.street_2,
    city: address.city,
    state: address.state,
    postal_code: address.zip_code,
    country: countryOf(address.country_iso_code || address.country),
    phone: address.phone,
    email,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== ""));
}

/** Best Buy Canada ships in North America, and states countries by their names or by three letters. */
const COUNTRIES: Readonly<Record<string, string>> = {
  CAN: "CA",
  CANADA: "CA",
  USA: "US",
  "UNITED STATES": "US",
};

function countryOf(given: string): string {
  return COUNTRIES[given.toUpperCase()] ?? given;
}
