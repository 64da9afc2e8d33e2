import { setTimeout as delay } from "node:timers/promises";
import type { Message } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { waitingFor } from "../db/patience.ts";
import { DomainError } from "../domain/errors.ts";
import type { Logger } from "../logger.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { Authenticate, Principal } from "./auth.ts";
import { callerGone, type Waiting, withinDeadline } from "./deadline.ts";
import { toConnectError } from "./errors.ts";
import type { Caller } from "./handler.ts";
import { Unreadable } from "./request.ts";
import type { Rpc } from "./router.ts";
import { UnservedLog } from "./unserved-log.ts";

/** A call as a transport hands it over. */
export interface Incoming extends Waiting {
  transport: "grpc" | "http";
  authorization: string | undefined;
}

export interface DispatcherOptions {
  authenticate: Authenticate;
  logger: Logger;
  metrics: Metrics;
  /** Calls in work at once; those above are refused at once instead of waiting until they are late. */
  maxInFlight?: number;
  /** Streams open at once, likewise: each costs memory as long as it lasts. */
  maxStreams?: number;
}

/**
 * What every call goes through, whichever door it came by: who calls, may he, deadline, handler, error, measure.
 * It rejects with `ConnectError` only.
 */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #maxInFlight: number;
  readonly #maxStreams: number;
  readonly #unserved: UnservedLog;
  readonly #streams = new Set<AbortController>();
  #inFlight = 0;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#maxInFlight = options.maxInFlight ?? 2_000;
    this.#maxStreams = options.maxStreams ?? 1_000;
    this.#unserved = new UnservedLog(options.logger);
  }

  /** Handlers of unary calls at work, also those whose caller has gone. */
  get inFlight(): number {
    return this.#inFlight;
  }

  get streams(): number {
    return this.#streams.size;
  }

  /** Ends the streams, which would last for ever; unary calls go on. */
  endStreams(): void {
    for (const controller of this.#streams) controller.abort(goingDown());
  }

  /** Waits for handlers whose callers have gone before them, for `graceMs` at most: they still use the database. */
  async drained(graceMs: number): Promise<void> {
    const end = Date.now() + graceMs;
    while (this.#inFlight > 0 && Date.now() < end) await delay(20);
  }

  async unary(rpc: Rpc, request: Message | Unreadable, incoming: Incoming): Promise<Message> {
    const started = performance.now();
    try {
      const who = await this.#admit(rpc, incoming);
      if (request instanceof Unreadable) throw request.error;
      const answer = await withinDeadline(incoming, (patience) =>
        waitingFor(patience, () =>
          this.#handle(rpc, request, { ...who, method: rpc.name, signal: patience.signal }),
        ),
      );
      this.#measure(rpc, incoming, started);
      return create(rpc.method.output, answer as never);
    } catch (error) {
      throw this.#fail(rpc, incoming, started, error);
    }
  }

  async *stream(rpc: Rpc, request: Message | Unreadable, incoming: Incoming): AsyncGenerator<Message> {
    const started = performance.now();
    const controller = new AbortController();
    incoming.onCancel(() => controller.abort(callerGone()));
    this.#streams.add(controller);
    try {
      const who = await this.#admit(rpc, incoming);
      if (request instanceof Unreadable) throw request.error;
      if (this.#streams.size > this.#maxStreams)
        throw new DomainError("OVERLOADED", `${this.#maxStreams} streams are open: try another process`);
      const caller = { ...who, method: rpc.name, signal: controller.signal };
      const messages = rpc.handle(request as never, caller) as AsyncIterable<object>;
      for await (const message of messages) yield create(rpc.method.output, message as never);
      controller.signal.throwIfAborted(); // it has not come to its end
      this.#measure(rpc, incoming, started);
    } catch (error) {
      throw this.#fail(rpc, incoming, started, error);
    } finally {
      this.#streams.delete(controller);
      controller.abort();
    }
  }

  /** Refuses whom it must before the request's body is read; whoever passes is asked again with the call. */
  async gate(rpc: Rpc, incoming: Incoming): Promise<void> {
    const started = performance.now();
    try {
      await this.#admit(rpc, incoming);
    } catch (error) {
      throw this.#fail(rpc, incoming, started, error);
    }
  }

  /** Who calls; refuses those whom we don't know and those who may not. */
  async #admit(rpc: Rpc, { authorization }: Incoming): Promise<Principal> {
    const who = await this.#options.authenticate(authorization);
    if (rpc.roles.includes(who.role)) return who;
    throw new DomainError(
      "SCOPE_MISSING",
      `role ${who.role} may not call ${rpc.method.name}; roles that may: ${rpc.roles.join(", ") || "none"}`,
      { role: who.role, method: rpc.name, allowed: rpc.roles.join(",") },
    );
  }

  async #handle(rpc: Rpc, request: Message, caller: Caller): Promise<unknown> {
    if (this.#inFlight >= this.#maxInFlight)
      throw new DomainError("OVERLOADED", `${this.#inFlight} calls are in work: try again shortly`);
    this.#inFlight += 1;
    try {
      return await rpc.handle(request as never, caller);
    } finally {
      this.#inFlight -= 1;
    }
  }

  #measure(rpc: Rpc, { transport }: Incoming, started: number, code = "OK"): number {
    const seconds = (performance.now() - started) / 1000;
    this.#options.metrics.observeRpc({ method: rpc.name, code, transport }, seconds);
    return seconds;
  }

  #fail(rpc: Rpc, incoming: Incoming, started: number, error: unknown): ConnectError {
    const { logger } = this.#options;
    const failure = toConnectError(error, logger, rpc.name);
    if (isUnserved(failure)) this.#unserved.note(error, rpc.name);
    const code = grpcCodeName(failure.code);
    const seconds = this.#measure(rpc, incoming, started, code);
    logger.debug(
      { method: rpc.name, code, error: failure.rawMessage, ms: Math.round(seconds * 1000) },
      "rpc refused",
    );
    return failure;
  }
}

function goingDown(): DomainError {
  return new DomainError(
    "DEPENDENCY_UNAVAILABLE",
    "this process is going down: watch again, with the last resume_token",
  );
}

/** The caller is not to blame. What is nobody's fault but ours has a line of its own. */
function isUnserved({ code }: ConnectError): boolean {
  return code === Code.Unavailable || code === Code.ResourceExhausted;
}

/** `NOT_FOUND`, as gRPC spells it; `NotFound` is Connect's. */
function grpcCodeName(code: Code): string {
  if (code === Code.Canceled) return "CANCELLED";
  return Code[code].replaceAll(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
}
