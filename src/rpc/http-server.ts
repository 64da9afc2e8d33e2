import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { StoredLabel } from "../db/labels.ts";
import { DomainError } from "../domain/errors.ts";
import type { Logger } from "../logger.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { Readiness } from "../telemetry/readiness.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { Tls } from "./grpc-server.ts";
import { createConnectListener } from "./http-connect.ts";
import type { Rpc } from "./router.ts";

const LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 30_000, // for the request to come in; answers, such as streams, may take longer
  keepAliveTimeout: 60_000,
  maxHeaderSize: 16 * 1024,
  connectionsCheckingInterval: 5_000,
};
const MAX_CONNECTIONS = 5_000;
const LABEL_PATH = /^\/api\/v1\/packages\/([1-9]\d{0,17})\/label$/;

export interface HttpServerOptions {
  host: string;
  port: number;
  rpcs: readonly Rpc[];
  dispatcher: Dispatcher;
  logger: Logger;
  metrics: Metrics;
  readiness: () => Promise<Readiness>;
  /** A package's stored label, for whoever may call; what `label_url` names. */
  label: (package_id: bigint, authorization: string | undefined) => Promise<StoredLabel | undefined>;
  tls?: Tls | undefined;
}

export interface HttpServer {
  port: number;
  /** Lets running requests finish, for `graceMs` at most; new connections are refused. */
  stop(graceMs: number): Promise<void>;
}

/** RPCs as Connect, gRPC-Web and JSON; and what a platform asks: /livez, /readyz, /metrics. */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { host, port, tls, logger } = options;
  const listen = listener(options);
  const onRequest = (req: IncomingMessage, res: ServerResponse) => {
    listen(req, res).catch((error: unknown) => {
      logger.warn({ err: error, path: pathOf(req) }, "an HTTP request failed");
      if (res.headersSent) res.destroy();
      else sendJson(res, 500, { error: "internal error" });
    });
  };
  const server = tls
    ? createHttpsServer({ ...LIMITS, ...tlsOptions(tls) }, onRequest)
    : createHttpServer(LIMITS, onRequest);
  server.maxConnections = MAX_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  return { port: (server.address() as AddressInfo).port, stop: (graceMs) => stop(server, graceMs) };
}

function listener({ rpcs, dispatcher, metrics, readiness, label }: HttpServerOptions) {
  const findRpc = createConnectListener(rpcs, dispatcher);
  const routes: Record<string, (res: ServerResponse) => Promise<void> | void> = {
    "/livez": (res) => sendJson(res, 200, { alive: true }), // never asks others: a restart would not mend them
    "/readyz": async (res) => {
      const state = await readiness();
      sendJson(res, state.ready ? 200 : 503, state);
    },
    "/metrics": async (res) => {
      res.setHeader("content-type", metrics.registry.contentType);
      res.end(await metrics.registry.metrics());
    },
  };
  return async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const path = pathOf(req);
    const rpc = findRpc(path);
    if (rpc) return rpc(req, res);
    const labelled = LABEL_PATH.exec(path)?.[1];
    if (labelled !== undefined && req.method === "GET")
      return sendLabel(res, () => label(BigInt(labelled), req.headers.authorization));
    const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
    if (!route) return sendJson(res, 404, { error: `there is nothing at ${path.slice(0, 200)}` });
    if (req.method === "GET" || req.method === "HEAD") return route(res);
    res.setHeader("allow", "GET, HEAD");
    return sendJson(res, 405, { error: `${path} answers GET only` });
  };
}

async function sendLabel(res: ServerResponse, find: () => Promise<StoredLabel | undefined>): Promise<void> {
  try {
    const found = await find();
    if (!found) return sendJson(res, 404, { error: "this package has no label yet" });
    res.writeHead(200, { "content-type": found.content_type, "content-length": found.data.length });
    res.end(found.data);
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    sendJson(res, error.category === "unauthenticated" ? 401 : 403, { error: error.message });
  }
}

function pathOf(req: IncomingMessage): string {
  return req.url?.split("?", 1)[0] ?? "";
}

function sendJson(res: ServerResponse, status: number, body: object): void {
  res.writeHead(status, { "content-type": "application/json" });
  res.end(`${JSON.stringify(body)}\n`);
}

function tlsOptions({ cert, key, clientCa }: Tls) {
  return { cert, key, ...(clientCa ? { ca: clientCa, requestCert: true, rejectUnauthorized: true } : {}) };
}

function stop(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), graceMs);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });
}
