import type { IncomingMessage, ServerResponse } from "node:http";
import type { DescMessage, Message } from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  type ConnectRouter,
  createConnectRouter,
  type HandlerContext,
} from "@connectrpc/connect";
import type { UniversalHandler, UniversalServerResponse } from "@connectrpc/connect/protocol";
import { errorToJson } from "@connectrpc/connect/protocol-connect";
import {
  compressionBrotli,
  compressionGzip,
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from "@connectrpc/connect-node";
import type { Dispatcher, Incoming } from "./dispatcher.ts";
import { fromDomainError } from "./errors.ts";
import { explainUnreadable, MAX_REQUEST_BYTES } from "./request.ts";
import type { Rpc } from "./router.ts";

/** Longer than any honest stream's; unary calls are cut much earlier, by the dispatcher. */
const MAX_TIMEOUT_MS = 24 * 60 * 60_000;

/**
 * Connect, gRPC-Web and JSON over HTTP/1.1. Undefined when the path is no RPC's.
 * connect-node's own adapter leaves no room for what `inOurWords` does.
 */
export function createConnectListener(rpcs: readonly Rpc[], dispatcher: Dispatcher) {
  const router = createConnectRouter({
    grpc: false, // has a server of its own
    readMaxBytes: MAX_REQUEST_BYTES,
    maxTimeoutMs: MAX_TIMEOUT_MS,
    acceptCompression: [compressionGzip, compressionBrotli],
    jsonOptions: { ignoreUnknownFields: false },
    requestGate: async (context) => {
      const rpc = rpcs.find(({ method }) => method === context.method);
      if (!rpc) return;
      await dispatcher.gate(rpc, incomingOf(context));
    },
  });
  for (const rpc of rpcs) addRoute(router, rpc, dispatcher);
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
  return (path: string) => {
    const handler = handlers.get(path);
    return handler && ((req: IncomingMessage, res: ServerResponse) => answer(handler, req, res));
  };
}

function addRoute(router: ConnectRouter, { method, ...rest }: Rpc, dispatcher: Dispatcher): void {
  const rpc = { method, ...rest };
  if (method.methodKind === "server_streaming") {
    router.rpc(method as typeof method & { methodKind: "server_streaming" }, (request, context) =>
      dispatcher.stream(rpc, request as Message, incomingOf(context)),
    );
  } else {
    router.rpc(method as typeof method & { methodKind: "unary" }, (request, context) =>
      dispatcher.unary(rpc, request as Message, incomingOf(context)),
    );
  }
}

function incomingOf(context: HandlerContext): Incoming {
  const timeout = context.timeoutMs();
  return {
    transport: "http",
    authorization: context.requestHeader.get("authorization") ?? undefined,
    deadline: timeout === undefined ? Number.POSITIVE_INFINITY : Date.now() + timeout,
    onCancel: (listener) =>
      context.signal.addEventListener("abort", () => listener(isLate(context.signal.reason)), { once: true }),
  };
}

function isLate(reason: unknown): boolean {
  return reason instanceof ConnectError && reason.code === Code.DeadlineExceeded;
}

async function answer(handler: UniversalHandler, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const response = await handler(universalRequestFromNodeRequest(req, res, undefined, undefined));
  await universalResponseToNodeResponse(await inOurWords(response, handler.method.input), res);
}

/**
 * Two things in which Connect and the contract differ. What can't be parsed never gets to a handler, so its error lacks
 * our details (and calls bad bytes an internal error); and FAILED_PRECONDITION is 409 here, where Connect says 400.
 */
async function inOurWords(
  response: UniversalServerResponse,
  input: DescMessage,
): Promise<UniversalServerResponse> {
  const isError = response.status >= 400 && response.header?.get("content-type") === "application/json";
  if (!isError || !response.body || response.header?.get("content-encoding")) return response;
  const chunks: Uint8Array[] = [];
  for await (const chunk of response.body) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  const error = JSON.parse(text) as { code: string; message?: string; details?: unknown[] };
  if (error.code === "failed_precondition") return withBody(response, 409, text);
  const unreadable = explainUnreadable(input, error.message ?? "");
  if (!unreadable) return withBody(response, response.status, text);
  return withBody(response, 400, JSON.stringify(errorToJson(fromDomainError(unreadable), undefined)));
}

function withBody(response: UniversalServerResponse, status: number, text: string): UniversalServerResponse {
  const bytes = Buffer.from(text);
  response.header?.set("content-length", String(bytes.length));
  return { ...response, status, body: oneChunk(bytes) };
}

async function* oneChunk(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}
