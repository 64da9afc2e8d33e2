import { setTimeout as delay } from "node:timers/promises";
import { currentCall } from "./call-context.ts";
import type { WireAnswer } from "./exchange.ts";
import { type BreakerChange, HOST_LIMITS, HostGuard, type HostLimits } from "./host-guard.ts";
import { OutsideError } from "./outside-error.ts";
import { exchangeRecorded } from "./recorded-exchange.ts";
import { pauseBeforeRetry, RetryBudget, retryAfterOf } from "./retry.ts";
import type { RateLimit } from "./token-bucket.ts";

export { OutsideError } from "./outside-error.ts";

export interface OutsideRequest {
  /** What the audit calls it, such as `create_label`. */
  operation: string;
  method: "GET" | "POST" | "PUT" | "DELETE";
  /** Absolute, or relative to the client's base. */
  path: string;
  headers?: Readonly<Record<string, string>>;
  body?: string | Uint8Array;
  timeoutMs?: number;
  /** May be sent twice without harm, so that the client may do so itself. Default: of GET only. */
  repeatable?: boolean;
}

export interface OutsideAnswer {
  status: number;
  headers: Headers;
  body: Buffer;
  /** What the host says in `Retry-After`; left out: it says nothing. */
  retryAfterSeconds?: number;
}

/** One call to somebody else's host, for the audit: secrets and personal data are blotted out already. */
export interface OutsideCall {
  service: string;
  endpoint: string;
  related_id: string;
  request_payload: unknown;
  response_body: string;
  /** null: no answer came. */
  status_code: number | null;
  is_success: boolean;
  duration_ms: number;
  attempt: number;
}

export interface OutsideHooks {
  /** Puts a call on record. When this fails, the call's answer counts all the same. */
  record(call: OutsideCall): Promise<void>;
  unrecorded?(failed: { service: string; endpoint: string; error: unknown }): void;
  breakerChanged?(change: BreakerChange): void;
}

export interface OutsideClientOptions {
  /** Such as `fedex`. */
  service: string;
  baseUrl: string;
  timeoutMs?: number;
  /** The host's own limit; asked before each call. Each process keeps to it by itself. */
  rateLimit?: () => RateLimit | null;
  /** Values of the settings that must never be put on record, wherever they turn up. */
  secrets?: readonly string[];
}

export interface OutsideClient {
  /** Throws OutsideError when there is no answer. */
  send(request: OutsideRequest): Promise<OutsideAnswer>;
}

export type Outside = (options: OutsideClientOptions) => OutsideClient;

/** What all clients of one process share about one host. */
interface Host {
  guard: HostGuard;
  budget: RetryBudget;
}

interface Client extends OutsideClientOptions {
  hooks: OutsideHooks;
  hostOf(url: URL): Host;
}

/** Makes clients for hosts of somebody else's: every wait has an end, every call is put on record. */
export function createOutside(hooks: OutsideHooks, limits: Partial<HostLimits> = {}): Outside {
  const hosts = new Map<string, Host>();
  const onChange = (change: BreakerChange) => hooks.breakerChanged?.(change);
  return (options) => {
    const hostOf = ({ origin, host }: URL): Host => {
      const known = hosts.get(origin);
      if (known) return known;
      const guard = new HostGuard(
        { service: options.service, host },
        { ...HOST_LIMITS, ...limits },
        onChange,
      );
      const made = { guard, budget: new RetryBudget() };
      hosts.set(origin, made);
      return made;
    };
    return { send: (request) => send({ ...options, hooks, hostOf }, request) };
  };
}

async function send(client: Client, request: OutsideRequest): Promise<OutsideAnswer> {
  const { repeatable = request.method === "GET" } = request;
  const url = urlOf(client, request);
  const { guard, budget } = client.hostOf(url);
  const context = currentCall(); // now: a call that has to wait is made from within another one's end
  const once = () => exchangeRecorded(client, request, { url, fresh: !repeatable, context });
  budget.earn();
  let reached = false; // an attempt got there, and what became of it is not known
  for (let attempt = 1; ; attempt++) {
    const outcome = await guard.run(once, client.rateLimit?.() ?? null).then(withRetryAfter, asOutcome);
    const pause = repeatable ? pauseBeforeRetry(attempt, outcome) : undefined;
    if (pause === undefined || !budget.spend()) {
      if (!(outcome instanceof OutsideError)) return outcome;
      throw reached ? withoutAnswer(outcome) : outcome;
    }
    reached ||= !(outcome instanceof OutsideError) || outcome.failure === "no_answer";
    await delay(pause);
  }
}

function urlOf({ service, baseUrl }: Client, { operation, path }: OutsideRequest): URL {
  if (URL.canParse(path, baseUrl)) return new URL(path, baseUrl);
  throw new OutsideError(`${service} ${operation}: the address is none`, "not_sent");
}

function withRetryAfter(answer: WireAnswer): OutsideAnswer {
  const retryAfterSeconds = retryAfterOf(answer.headers, new Date());
  return { ...answer, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) };
}

function asOutcome(error: unknown): OutsideError {
  if (error instanceof OutsideError) return error;
  throw error;
}

/** The last attempt was not sent, but an earlier one was. */
function withoutAnswer(error: OutsideError): OutsideError {
  const { retryAfterSeconds } = error;
  return new OutsideError(error.message, "no_answer", { cause: error, retryAfterSeconds });
}
