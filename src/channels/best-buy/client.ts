import {
  type Outside,
  type OutsideAnswer,
  OutsideError,
  type OutsideRequest,
} from "../../outside/outside-client.ts";
import { ChannelError } from "../channel.ts";
import type { BestBuySettings } from "./settings.ts";

const TIMEOUT_MS = 20_000;
/** What trying again cannot change: the request itself is refused. */
const FINAL = new Set([400, 404, 405, 409, 410, 422]);
const DENIED = new Set([401, 403]);

export interface BestBuyCall {
  operation: string;
  method: "GET" | "PUT";
  /** Below the host, without the shop. */
  path: string;
  query?: Readonly<Record<string, string>>;
  /** Left out: the request has no body at all. */
  body?: object;
}

/** What Best Buy answers to a call that succeeded; throws ChannelError otherwise. */
export type AskBestBuy = (call: BestBuyCall) => Promise<OutsideAnswer>;

export function createBestBuyClient(settings: BestBuySettings, outside: Outside): AskBestBuy {
  const { baseUrl, apiKey } = settings;
  const client = outside({ service: "best_buy", baseUrl, timeoutMs: TIMEOUT_MS, secrets: [apiKey] });
  return async (call) => {
    const answer = await client.send(requestOf(settings, call)).catch((cause: unknown) => {
      if (!(cause instanceof OutsideError)) throw cause;
      throw new ChannelError(cause.message, true, { cause, retryAfterSeconds: cause.retryAfterSeconds });
    });
    if (answer.status < 300) return answer;
    throw refusal(call, answer);
  };
}

/** Whether a call may be repeated is for whoever knows the order's state: the client itself repeats only questions. */
function requestOf(
  { apiKey, shopId }: BestBuySettings,
  { operation, method, path, query = {}, body }: BestBuyCall,
): OutsideRequest {
  const parameters = new URLSearchParams({ ...query, ...(shopId === undefined ? {} : { shop_id: shopId }) });
  const headers = { authorization: apiKey, accept: "application/json" };
  const request = {
    operation,
    method,
    path: `${path}${parameters.size > 0 ? `?${parameters.toString()}` : ""}`,
  };
  if (body === undefined) return { ...request, headers };
  return {
    ...request,
    headers: { ...headers, "content-type": "application/json" },
    body: JSON.stringify(body),
  };
}

function refusal({ operation }: BestBuyCall, answer: OutsideAnswer): ChannelError {
  const { status, retryAfterSeconds = null } = answer;
  const said = wordsOf(answer);
  return new ChannelError(
    `Best Buy answered ${operation} with ${status}${said && `: ${said}`}`,
    !FINAL.has(status),
    { retryAfterSeconds, denied: DENIED.has(status) },
  );
}

/** Mirakl's `{"message": …, "status": …}`; a page of a proxy in between has nothing to say. */
function wordsOf({ body }: OutsideAnswer): string {
  try {
    const { message } = JSON.parse(body.toString("utf8")) as { message?: unknown };
    return typeof message === "string" ? message.slice(0, 200) : "";
  } catch {
    return "";
  }
}

export function readJson({ body }: OutsideAnswer, operation: string): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch (cause) {
    throw new ChannelError(`Best Buy's answer to ${operation} can't be read`, true, { cause });
  }
}
