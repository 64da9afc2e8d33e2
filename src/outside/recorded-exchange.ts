import type { CallContext } from "./call-context.ts";
import { exchange, type WireAnswer } from "./exchange.ts";
import type { OutsideCall, OutsideClientOptions, OutsideHooks, OutsideRequest } from "./outside-client.ts";
import { OutsideError } from "./outside-error.ts";
import { redactCall } from "./redact-call.ts";

const TIMEOUT_MS = 15_000;

interface Recorder extends OutsideClientOptions {
  hooks: OutsideHooks;
}

/** Sends a request once, and puts on record what came of it. */
export async function exchangeRecorded(
  client: Recorder,
  request: OutsideRequest,
  { url, fresh, context }: { url: URL; fresh: boolean; context: CallContext },
): Promise<WireAnswer> {
  const timeoutMs = timeLeft(client, request, context);
  const started = performance.now();
  const note = (answer: WireAnswer | Error) =>
    putOnRecord({ client, request, context, answer, duration_ms: performance.now() - started });
  const name = `${client.service} ${request.operation}`;
  const { method, headers = {}, body } = request;
  try {
    const answer = await exchange({ name, method, url, headers, body, timeoutMs, fresh });
    await note(answer);
    return answer;
  } catch (error) {
    const failure = asOutsideError(name, error);
    await note(failure);
    throw failure;
  }
}

/** The request's own patience, or what is left of the time in which it may be made at all. */
function timeLeft(
  { service, timeoutMs = TIMEOUT_MS }: Recorder,
  request: OutsideRequest,
  { until = Number.POSITIVE_INFINITY }: CallContext,
): number {
  const left = Math.floor(until - performance.now());
  if (left <= 0) throw new OutsideError(`${service} ${request.operation}: too late to be sent`, "not_sent");
  return Math.min(request.timeoutMs ?? timeoutMs, left);
}

/** What can't even be written as a request was not sent. */
function asOutsideError(name: string, error: unknown): OutsideError {
  if (error instanceof OutsideError) return error;
  return new OutsideError(`${name}: ${String(error)}`, "not_sent", { cause: error });
}

interface Exchanged {
  client: Recorder;
  request: OutsideRequest;
  context: CallContext;
  answer: WireAnswer | Error;
  duration_ms: number;
}

async function putOnRecord(exchanged: Exchanged): Promise<void> {
  const { client, request } = exchanged;
  try {
    await client.hooks.record(describe(exchanged));
  } catch (error) {
    client.hooks.unrecorded?.({ service: client.service, endpoint: request.operation, error });
  }
}

function describe({ client, request, context, answer, duration_ms }: Exchanged): OutsideCall {
  const { service, secrets = [] } = client;
  const { operation, method, path, headers = {}, body } = request;
  const failed = answer instanceof Error;
  const came = failed
    ? answer.message
    : { body: answer.body, type: answer.headers.get("content-type") ?? "" };
  return {
    service,
    endpoint: operation,
    related_id: context.related_id,
    attempt: context.attempt,
    ...redactCall({ method, path, headers, body, answer: came, secrets }),
    status_code: failed ? null : answer.status,
    is_success: !failed && answer.status < 300,
    duration_ms,
  };
}
