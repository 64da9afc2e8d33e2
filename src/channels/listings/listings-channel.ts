import { ChannelError, type ChannelOrder, type Exchange, type OrderChannel } from "../channel.ts";

export interface ListingsOptions {
  /** The Listings service's address, such as `https://listings.example`. */
  url: string;
  timeoutMs?: number;
}

const MAX_BODY = 1_000_000;
/** What trying again cannot change: the request itself is refused. */
const FINAL = new Set([400, 401, 403, 404, 409, 410, 422]);

/** The Listings service over HTTP: `POST /api/v1/orders/{id}/status`, `GET /api/v1/orders/{id}`. */
export function createListingsChannel({ url, timeoutMs = 10_000 }: ListingsOptions): OrderChannel {
  const orderUrl = (order_id: bigint) =>
    new URL(`api/v1/orders/${order_id}`, url.endsWith("/") ? url : `${url}/`);
  return {
    code: "listings",
    updateOrderStatus: async (order_id, status, message) => {
      const body = { status, message };
      return call(new URL(`${orderUrl(order_id).href}/status`), "POST", body, timeoutMs);
    },
    getOrder: async (order_id) => {
      try {
        const { body } = await call(orderUrl(order_id), "GET", undefined, timeoutMs);
        return readOrder(JSON.parse(body));
      } catch (error) {
        if (error instanceof ChannelError && error.exchange.status_code === 404) return undefined;
        throw error;
      }
    },
  };
}

async function call(url: URL, method: string, body: unknown, timeoutMs: number): Promise<Exchange> {
  const request = { method, url: url.href, body };
  const answer = await send(url, method, body, timeoutMs).catch((error: unknown) => {
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    throw new ChannelError(
      `${method} ${url.pathname}: ${text}`,
      { request, status_code: null, body: text },
      true,
    );
  });
  const exchange = { request, ...answer };
  if (answer.status_code < 300) return exchange;
  const message = `${method} ${url.pathname} answered ${answer.status_code}`;
  throw new ChannelError(message, exchange, !FINAL.has(answer.status_code));
}

async function send(url: URL, method: string, body: unknown, timeoutMs: number) {
  const response = await fetch(url, {
    method,
    headers: { "content-type": "application/json", accept: "application/json" },
    signal: AbortSignal.timeout(timeoutMs),
    redirect: "error",
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status_code: response.status, body: (await response.text()).slice(0, MAX_BODY) };
}

function readOrder(answer: unknown): ChannelOrder {
  const { order_number = "", status = "" } = (answer ?? {}) as Record<string, unknown>;
  return { order_number: String(order_number), status: String(status) };
}
