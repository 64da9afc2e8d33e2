import {
  type Outside,
  type OutsideAnswer,
  type OutsideClient,
  OutsideError,
  type OutsideRequest,
} from "../../outside/outside-client.ts";
import { ChannelError, type ChannelOrder, type OrderChannel } from "../channel.ts";

export interface ListingsOptions {
  /** The Listings service's address, such as `https://listings.example`. */
  url: string;
  outside: Outside;
}

const TIMEOUT_MS = 10_000;
/** What trying again cannot change: the request itself is refused. */
const FINAL = new Set([400, 404, 405, 409, 410, 422]);
const DENIED = new Set([401, 403]);
const JSON_HEADERS = { "content-type": "application/json", accept: "application/json" };

/** The Listings service over HTTP: `POST /api/v1/orders/{id}/status`, `GET /api/v1/orders/{id}`. */
export function createListingsChannel({ url, outside }: ListingsOptions): OrderChannel {
  const baseUrl = url.endsWith("/") ? url : `${url}/`;
  const client = outside({ service: "listings", baseUrl, timeoutMs: TIMEOUT_MS });
  return {
    code: "listings",
    updateOrderStatus: async (order_id, status, message) => {
      try {
        await postStatus(client, order_id, { status, message });
      } catch (error) {
        // One whose answer was lost may be refused when it comes again, and so may one that somebody has set there.
        if (!isFinal(error) || (await getOrder(client, order_id))?.status !== status) throw error;
      }
    },
    getOrder: (order_id) => getOrder(client, order_id),
  };
}

async function postStatus(client: OutsideClient, order_id: bigint, body: object): Promise<void> {
  await ask(client, {
    operation: "update_order_status",
    method: "POST",
    path: `api/v1/orders/${order_id}/status`,
    headers: JSON_HEADERS,
    body: JSON.stringify(body),
  });
}

/** Undefined: the service doesn't know the order. */
async function getOrder(client: OutsideClient, order_id: bigint): Promise<ChannelOrder | undefined> {
  const path = `api/v1/orders/${order_id}`;
  const request = { operation: "get_order", method: "GET", path, headers: JSON_HEADERS } as const;
  const answer = await ask(client, request, 404);
  return answer.status === 404 ? undefined : readOrder(answer);
}

function isFinal(error: unknown): boolean {
  return error instanceof ChannelError && !error.retryable;
}

/** An answer of success, or of the one other status that is one here. */
async function ask(
  client: OutsideClient,
  request: OutsideRequest,
  alsoFine?: number,
): Promise<OutsideAnswer> {
  const answer = await client.send(request).catch((cause: unknown) => {
    if (!(cause instanceof OutsideError)) throw cause;
    throw new ChannelError(cause.message, true, { cause, retryAfterSeconds: cause.retryAfterSeconds });
  });
  if (answer.status < 300 || answer.status === alsoFine) return answer;
  throw new ChannelError(
    `the Listings service answered ${request.operation} with ${answer.status}`,
    !FINAL.has(answer.status),
    { retryAfterSeconds: answer.retryAfterSeconds ?? null, denied: DENIED.has(answer.status) },
  );
}

function readOrder({ body }: OutsideAnswer): ChannelOrder {
  const { order_number = "", status = "" } = readJson(body.toString("utf8"));
  return { order_number: String(order_number), status: String(status) };
}

function readJson(text: string): Record<string, unknown> {
  try {
    return (JSON.parse(text) ?? {}) as Record<string, unknown>;
  } catch (cause) {
    throw new ChannelError("the Listings service's answer can't be read", true, { cause });
  }
}
