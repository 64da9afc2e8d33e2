import { z } from "zod";
import { type HostRoute, type RunningHost, startHost } from "../carrier-hosts/host.ts";
import { checkJson, type HostAnswer, type HostRequest } from "../carrier-hosts/http-messages.ts";

/** Written from the seller API's documented calls: OR11, OR21, OR23, OR24, OR29 and SH21. */
export const MIRAKL_KEY = "0f0e0d0c-1111-2222-3333-444455556666";
export const MIRAKL_SHOP = "2042";

interface Line {
  order_line_id: string;
  order_line_state: string;
  offer_sku: string;
  quantity: number;
  /** OR28's, with the units that they were for. */
  refunds: { id: string; state: string; quantity: number | null; amount: number }[];
}

export interface MiraklOrder {
  order_id: string;
  order_state: string;
  created: number;
  updated: number;
  lines: Line[];
  tracking: Record<string, string> | null;
  /** As the payment workflow has it: the seller may take it back, whole. */
  can_cancel: boolean;
  /** Times that the customer was told of a shipment, and with which number. */
  notified: (string | null)[];
}

export interface MiraklHost extends RunningHost {
  readonly orders: ReadonlyMap<string, MiraklOrder>;
  /** A customer buys; the order waits to be accepted unless told otherwise. */
  sell(order_id: string, lines: readonly { sku: string; quantity: number }[], state?: string): MiraklOrder;
  /** The order changes there. */
  change(order_id: string, change: Partial<Pick<MiraklOrder, "order_state" | "can_cancel">>): void;
  /** The line's state, or how many are still wanted of it. */
  changeLine(
    order_line_id: string,
    change: Partial<Pick<Line, "order_line_state" | "quantity" | "refunds">>,
  ): void;
  /** The marketplace's clock, in milliseconds. */
  setClock(ms: number): void;
}

interface Market {
  orders: Map<string, MiraklOrder>;
  now: () => number;
}

export async function startMiraklHost(start = Date.UTC(2026, 0, 15, 9)): Promise<MiraklHost> {
  let clock = start;
  const market: Market = { orders: new Map(), now: () => (clock += 1_000) };
  const running = await startHost({
    code: "best_buy",
    routes: [
      listRoute(market),
      acceptRoute(market),
      trackingRoute(market),
      shipRoute(market),
      cancelRoute(market),
      carriersRoute(),
    ],
    authorize: ({ headers, query }) => {
      if (headers["authorization"] === MIRAKL_KEY && (query.get("shop_id") ?? MIRAKL_SHOP) === MIRAKL_SHOP)
        return undefined;
      return { status: 401, body: { message: "Unauthorized", status: 401 } };
    },
    refuse: ({ status, message }) => ({ status, body: { message, status } }),
  });
  const find = (id: string) => market.orders.get(id) as MiraklOrder;
  return {
    ...running,
    orders: market.orders,
    sell: (order_id, lines, state = "WAITING_ACCEPTANCE") => {
      const order: MiraklOrder = {
        order_id,
        order_state: state,
        created: market.now(),
        updated: market.now(),
        lines: lines.map(({ sku, quantity }, index) => ({
          order_line_id: `${order_id}-${index + 1}`,
          order_line_state: state,
          offer_sku: sku,
          quantity,
          refunds: [],
        })),
        tracking: null,
        can_cancel: false,
        notified: [],
      };
      market.orders.set(order_id, order);
      return order;
    },
    change: (order_id, change) => void Object.assign(find(order_id), change, { updated: market.now() }),
    changeLine: (order_line_id, change) => {
      const order = [...market.orders.values()].find((one) =>
        one.lines.some((line) => line.order_line_id === order_line_id),
      ) as MiraklOrder;
      Object.assign(order.lines.find((line) => line.order_line_id === order_line_id) as Line, change);
      order.updated = market.now();
    },
    setClock: (ms) => void (clock = ms),
  };
}

const STATES = new Set(
  "STAGING WAITING_ACCEPTANCE WAITING_DEBIT WAITING_DEBIT_PAYMENT SHIPPING SHIPPED TO_COLLECT RECEIVED CLOSED REFUSED CANCELED".split(
    " ",
  ),
);
const LIST_PARAMETERS = new Set([
  "order_ids",
  "order_state_codes",
  "start_update_date",
  "sort",
  "order",
  "max",
  "offset",
  "shop_id",
]);

function listRoute(market: Market): HostRoute {
  return {
    operation: "list_orders",
    method: "GET",
    path: "/api/orders",
    check: checkList,
    answer: ({ query }) => {
      const max = Number(query.get("max") ?? 10);
      const offset = Number(query.get("offset") ?? 0);
      const found = [...market.orders.values()].filter((order) => isAsked(order, query));
      return {
        body: { orders: found.slice(offset, offset + max).map(shown), total_count: found.length },
      };
    },
  };
}

function checkList({ query }: HostRequest): string[] {
  const states = query.get("order_state_codes")?.split(",") ?? [];
  const max = Number(query.get("max") ?? 10);
  return [
    ...[...query.keys()].filter((name) => !LIST_PARAMETERS.has(name)).map((name) => `no parameter ${name}`),
    ...states.filter((state) => !STATES.has(state)).map((state) => `no state ${state}`),
    ...(max >= 1 && max <= 100 ? [] : ["max must be from 1 to 100"]),
    ...((query.get("order_ids")?.split(",") ?? []).length <= 100 ? [] : ["at most 100 order_ids"]),
    ...(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(query.get("start_update_date") ?? "2026-01-15T09:00:00Z")
      ? []
      : ["start_update_date must be as 2026-01-15T09:00:00Z"]),
  ];
}

function isAsked({ order_id, order_state, updated }: MiraklOrder, query: URLSearchParams): boolean {
  const ids = query.get("order_ids")?.split(",");
  const states = query.get("order_state_codes")?.split(",");
  const since = query.get("start_update_date");
  return (
    (!ids || ids.includes(order_id)) &&
    (!states || states.includes(order_state)) &&
    (since === null || updated >= Date.parse(since))
  );
}

/** The customer's address is withheld until the order is accepted. */
function shown({ order_id, order_state, created, updated, lines, tracking, can_cancel }: MiraklOrder) {
  const hidden = order_state === "WAITING_ACCEPTANCE" || order_state.startsWith("WAITING_DEBIT");
  return {
    order_id,
    commercial_id: order_id.replace(/-A$/, ""),
    order_state,
    can_cancel,
    created_date: new Date(created).toISOString(),
    last_updated_date: new Date(updated).toISOString(),
    currency_iso_code: "CAD",
    customer_notification_email: `buyer-${order_id}@notification.example`,
    customer: {
      firstname: "Anne",
      lastname: "Tremblay",
      shipping_address: hidden
        ? null
        : {
            firstname: "Anne",
            lastname: "Tremblay",
            company: null,
            street_1: "2 Test St",
            street_2: "Apt 5",
            city: "Toronto",
            state: "ON",
            zip_code: "M5V 2T6",
            country: "Canada",
            country_iso_code: "CAN",
            phone: "4165550100",
          },
    },
    order_lines: lines.map((line) => ({ ...line, cancelations: [], price: 10, total_price: 11.3 })),
    shipping_carrier_code: tracking?.["carrier_code"] ?? null,
    shipping_tracking: tracking?.["tracking_number"] ?? null,
  };
}

const acceptSchema = z.strictObject({
  order_lines: z.array(z.strictObject({ id: z.string(), accepted: z.boolean() })).min(1),
});

function acceptRoute(market: Market): HostRoute {
  return {
    operation: "accept_order",
    method: "PUT",
    path: "/api/orders/:id/accept",
    check: (request) => checkJson(request, acceptSchema),
    answer: ({ params, text }) =>
      inState(market, params["id"], ["WAITING_ACCEPTANCE"], (order) => {
        const accepted = acceptSchema.parse(JSON.parse(text)).order_lines;
        const ids = order.lines.map((line) => line.order_line_id);
        if (ids.some((id) => !accepted.some((line) => line.id === id)))
          return { status: 400, body: { message: "All order lines must be answered", status: 400 } };
        order.order_state = "WAITING_DEBIT_PAYMENT";
        order.updated = market.now();
        return { status: 204 };
      }),
  };
}

const trackingSchema = z.union([
  z.strictObject({ carrier_code: z.string().min(1), tracking_number: z.string().min(1) }),
  z.strictObject({
    carrier_name: z.string().min(1),
    carrier_url: z.url().optional(),
    tracking_number: z.string().min(1),
  }),
]);

function trackingRoute(market: Market): HostRoute {
  return {
    operation: "update_tracking",
    method: "PUT",
    path: "/api/orders/:id/tracking",
    check: (request) => checkJson(request, trackingSchema),
    answer: ({ params, text }) =>
      inState(market, params["id"], ["SHIPPING", "SHIPPED", "RECEIVED"], (order) => {
        const tracking = trackingSchema.parse(JSON.parse(text)) as Record<string, string>;
        const code = tracking["carrier_code"];
        if (code !== undefined && !CARRIERS.some((one) => one.code === code))
          return { status: 400, body: { message: `Carrier ${code} is not registered`, status: 400 } };
        order.tracking = tracking;
        order.updated = market.now();
        return { status: 204 };
      }),
  };
}

function shipRoute(market: Market): HostRoute {
  return {
    operation: "ship_order",
    method: "PUT",
    path: "/api/orders/:id/ship",
    check: ({ body }) => (body.length === 0 ? [] : ["OR24 takes no body"]),
    answer: ({ params }) =>
      inState(market, params["id"], ["SHIPPING"], (order) => {
        order.order_state = "SHIPPED";
        order.updated = market.now();
        order.notified.push(order.tracking?.["tracking_number"] ?? null);
        return { status: 204 };
      }),
  };
}

function cancelRoute(market: Market): HostRoute {
  return {
    operation: "cancel_order",
    method: "PUT",
    path: "/api/orders/:id/cancel",
    check: ({ body }) => (body.length === 0 ? [] : ["OR29 takes no body"]),
    answer: ({ params }) =>
      inState(market, params["id"], ["WAITING_DEBIT", "WAITING_DEBIT_PAYMENT", "SHIPPING"], (order) => {
        if (!order.can_cancel)
          return { status: 400, body: { message: "The order cannot be canceled", status: 400 } };
        order.order_state = "CANCELED";
        for (const line of order.lines) line.order_line_state = "CANCELED";
        order.updated = market.now();
        return { status: 204 };
      }),
  };
}

const CARRIERS = [
  {
    code: "CPCL",
    label: "Canada Post",
    standard_code: null,
    tracking_url: "https://example.ca/{trackingId}",
  },
  { code: "UPSN", label: "UPS", standard_code: "UPS", tracking_url: "https://example.com/{trackingId}" },
];

function carriersRoute(): HostRoute {
  return {
    operation: "list_carriers",
    method: "GET",
    path: "/api/shipping/carriers",
    check: () => [],
    answer: () => ({ body: { carriers: CARRIERS } }),
  };
}

function inState(
  { orders }: Market,
  id: string | undefined,
  states: readonly string[],
  act: (order: MiraklOrder) => HostAnswer,
): HostAnswer {
  const order = orders.get(id ?? "");
  if (!order) return { status: 404, body: { message: `Order ${id} not found`, status: 404 } };
  if (states.includes(order.order_state)) return act(order);
  const message = `Order ${id} has status ${order.order_state}; expected ${states.join(", ")}`;
  return { status: 400, body: { message, status: 400 } };
}
