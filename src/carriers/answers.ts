import type { z } from "zod";
import {
  type OutsideAnswer,
  type OutsideClient,
  OutsideError,
  type OutsideRequest,
} from "../outside/outside-client.ts";
import { retryAfterOf } from "../outside/retry.ts";
import { CarrierRefusal, CarrierUnavailable, CarrierUncertain } from "./carrier.ts";
import type { Token } from "./token.ts";

/** What a carrier writes beside its no. */
export interface CarrierSaid {
  code: string;
  message: string;
}

/** `refused`: for good. `unavailable`: not done, try again. `uncertain`: it may have been done. */
export type Meaning = "refused" | "unavailable" | "uncertain";

export interface CarrierCall extends OutsideRequest {
  /** It buys something: when its answer is lost, or can't be read, it may have been bought. */
  buys?: boolean;
}

export interface CarrierHostOptions<T> {
  client: OutsideClient;
  /** As people know it: "FedEx". */
  name: string;
  /** Finds the carrier's own code and text in an answer of 4xx or 5xx. It may throw at what it can't read. */
  readError: (answer: OutsideAnswer) => CarrierSaid | undefined;
  /** Finds a no inside an answer of 2xx, for carriers that hide it there; likewise. */
  readHiddenError?: (answer: OutsideAnswer) => CarrierSaid | undefined;
  /** What the carrier's own codes mean where its HTTP status says something else. */
  meanings?: Readonly<Record<string, Meaning>>;
  /** How long to wait after such a code when the carrier doesn't say, in seconds. */
  patience?: Readonly<Record<string, number>>;
  /** Codes that say that there is no such thing, where its HTTP status doesn't. */
  absent?: readonly string[];
  token?: Token<T>;
  /** Puts the token into a call. Default: as a bearer, in a header. */
  authorize?: (call: CarrierCall, token: T) => CarrierCall;
  now: () => Date;
}

/** One carrier's host: what it answers to a call that succeeded, else an error of the port. */
export interface CarrierHost {
  ask(call: CarrierCall): Promise<OutsideAnswer>;
  /** undefined: the carrier knows of no such thing. */
  find(call: CarrierCall): Promise<OutsideAnswer | undefined>;
  askJson<Shape>(call: CarrierCall, shape: z.ZodType<Shape>): Promise<Shape>;
}

/** What HTTP says where the carrier's code doesn't say more. Left out: 4xx is a refusal, everything else is uncertain. */
const MEANING_OF_STATUS: Readonly<Record<number, Meaning>> = {
  408: "uncertain",
  425: "unavailable",
  429: "unavailable",
  503: "unavailable",
};

export function createCarrierHost<T = string>(options: CarrierHostOptions<T>): CarrierHost {
  const ask = async (call: CarrierCall) => {
    const { answer, said } = await hear(options, call);
    if (said) throw errorOf(options, call, answer, said);
    return answer;
  };
  return {
    ask,
    find: async (call) => {
      const { answer, said } = await hear(options, call);
      if (said && (answer.status === 404 || options.absent?.includes(said.code))) return undefined;
      if (said) throw errorOf(options, call, answer, said);
      return answer;
    },
    askJson: async (call, shape) => readJson(await ask(call), { name: options.name, call, shape }),
  };
}

/** The answer, and the carrier's words if it is a no. */
async function hear<T>(
  options: CarrierHostOptions<T>,
  call: CarrierCall,
): Promise<{ answer: OutsideAnswer; said: CarrierSaid | undefined }> {
  const answer = await sendWithToken(options, call);
  const hidden = () => options.readHiddenError && readSafely(options.readHiddenError, answer);
  return { answer, said: answer.status < 300 ? hidden() : readError(options, answer) };
}

/** A token that the host no longer takes is renewed, once; nothing was done, so the call can be sent again. */
async function sendWithToken<T>(options: CarrierHostOptions<T>, call: CarrierCall): Promise<OutsideAnswer> {
  const { token, authorize = withBearer } = options;
  if (!token) return send(options, call);
  const first = await token.get();
  const answer = await send(options, authorize(call, first));
  if (answer.status !== 401) return answer;
  return send(options, authorize(call, await token.renew(first)));
}

function withBearer(call: CarrierCall, token: unknown): CarrierCall {
  return { ...call, headers: { ...call.headers, authorization: `Bearer ${String(token)}` } };
}

async function send<T>(
  { client, name }: CarrierHostOptions<T>,
  { buys = false, ...request }: CarrierCall,
): Promise<OutsideAnswer> {
  try {
    return await client.send(request);
  } catch (error) {
    if (!(error instanceof OutsideError)) throw error;
    const text = `${name} gave no answer to ${request.operation}: ${error.message}`;
    if (buys && error.failure === "no_answer") throw new CarrierUncertain(text, { cause: error });
    throw new CarrierUnavailable(text, error.retryAfterSeconds, { cause: error });
  }
}

function readError<T>({ readError: read }: CarrierHostOptions<T>, answer: OutsideAnswer): CarrierSaid {
  const said = readSafely(read, answer);
  if (said) return said;
  return { code: String(answer.status), message: answer.body.toString("utf8").trim().slice(0, 200) };
}

/**
 * An error page of a proxy in between is no answer in the carrier's words; and what is no refusal that we know is left
 * to the reader of the answer.
 */
function readSafely(
  read: (answer: OutsideAnswer) => CarrierSaid | undefined,
  answer: OutsideAnswer,
): CarrierSaid | undefined {
  try {
    return read(answer);
  } catch {
    return undefined;
  }
}

function errorOf<T>(
  { name, meanings = {}, patience = {}, now }: CarrierHostOptions<T>,
  { operation, buys = false }: CarrierCall,
  { status, headers }: OutsideAnswer,
  { code, message }: CarrierSaid,
): Error {
  const text = `${name} answered ${operation} with ${status} ${code}: ${message}`;
  const meaning = meanings[code] ?? meaningOfStatus(status);
  if (meaning === "refused") return new CarrierRefusal(text, code);
  if (meaning === "uncertain" && buys) return new CarrierUncertain(text);
  return new CarrierUnavailable(text, retryAfterOf(headers, now()) ?? patience[code] ?? null);
}

/** A no inside a 200 is a refusal, unless the carrier's code is known to mean something else. */
function meaningOfStatus(status: number): Meaning {
  return (
    MEANING_OF_STATUS[status] ?? (status < 300 || (status >= 400 && status < 500) ? "refused" : "uncertain")
  );
}

/** Reads what a call that succeeded gave; what can't be read is as good as lost. */
export function readJson<Shape>(
  answer: OutsideAnswer,
  { name, call, shape }: { name: string; call: CarrierCall; shape: z.ZodType<Shape> },
): Shape {
  try {
    return shape.parse(JSON.parse(answer.body.toString("utf8")));
  } catch (error) {
    throw unreadable(`${name}'s answer to ${call.operation}`, call, error);
  }
}

/** The error for an answer of success whose meaning is lost on us. */
export function unreadable(what: string, { buys = false }: CarrierCall, cause: unknown): Error {
  const text = `${what} can't be read: ${String(cause).slice(0, 500)}`;
  return buys ? new CarrierUncertain(text, { cause }) : new CarrierUnavailable(text, null, { cause });
}
