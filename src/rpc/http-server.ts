import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Logger } from "../logger.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { platformRoutes, sendJson } from "../telemetry/platform-routes.ts";
import type { Readiness } from "../telemetry/readiness.ts";
import { fromDatabaseError } from "./database-errors.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { Tls } from "./grpc-server.ts";
import { createConnectListener } from "./http-connect.ts";
import type { LabelRoute } from "./label-route.ts";
import { createRestListener } from "./rest-listener.ts";
import type { Rpc } from "./router.ts";
import type { WebhookRoute } from "./webhook-route.ts";

const LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 30_000, // for the request to come in; answers, such as streams, may take longer
  keepAliveTimeout: 60_000,
  maxHeaderSize: 16 * 1024,
  connectionsCheckingInterval: 5_000,
};
const MAX_CONNECTIONS = 5_000;

export interface HttpServerOptions {
  host: string;
  port: number;
  rpcs: readonly Rpc[];
  dispatcher: Dispatcher;
  logger: Logger;
  metrics: Metrics;
  readiness: () => Promise<Readiness>;
  /** What `label_url` names. */
  findLabelRoute: LabelRoute;
  /** What carriers' hosts deliver to; left out: nothing is delivered here. */
  findWebhookRoute?: WebhookRoute | undefined;
  tls?: Tls | undefined;
}

export interface HttpServer {
  port: number;
  /** Asks callers to open a new connection, which leads elsewhere, for their next request. */
  leave(): void;
  /** Lets running requests finish, for `graceMs` at most; new connections are refused. */
  stop(graceMs: number): Promise<void>;
}

/** RPCs as Connect, gRPC-Web and JSON; and what a platform asks: /livez, /readyz, /metrics. */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { host, port, tls, logger } = options;
  const listen = listener(options);
  let leaving = false;
  const leave = () => {
    leaving = true;
  };
  const onRequest = (req: IncomingMessage, res: ServerResponse) => {
    if (leaving) res.setHeader("connection", "close");
    listen(req, res).catch((error: unknown) => {
      logger.warn({ err: error, path: pathOf(req) }, "an HTTP request failed");
      sendFailure(res, error);
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
  return { port: (server.address() as AddressInfo).port, leave, stop: (graceMs) => stop(server, graceMs) };
}

function listener(options: HttpServerOptions) {
  const { rpcs, dispatcher, metrics, readiness, findLabelRoute, findWebhookRoute } = options;
  const findRpc = createConnectListener(rpcs, dispatcher);
  const findRest = createRestListener(rpcs, dispatcher);
  const routes = platformRoutes(metrics, readiness);
  return async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const path = pathOf(req);
    const rpc = findRpc(path);
    if (rpc) return rpc(req, res);
    const label = req.method === "GET" ? findLabelRoute(path) : undefined;
    if (label) return label(req, res);
    const rest = findRest(path);
    if (rest) return rest(req, res);
    const webhook = findWebhookRoute?.(path);
    if (webhook) return webhook(req, res);
    const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
    if (!route) return sendJson(res, 404, { error: `there is nothing at ${path.slice(0, 200)}` });
    if (req.method === "GET" || req.method === "HEAD") return route(res);
    res.setHeader("allow", "GET, HEAD");
    return sendJson(res, 405, { error: `${path} answers GET only` });
  };
}

/** Of requests that are no RPCs; what those refuse, they say themselves. */
function sendFailure(res: ServerResponse, error: unknown): void {
  if (res.headersSent) return void res.destroy();
  const category = fromDatabaseError(error)?.category;
  if (category !== "unavailable" && category !== "overload")
    return sendJson(res, 500, { error: "internal error" });
  res.setHeader("retry-after", "1");
  return sendJson(res, 503, { error: "not just now: try again shortly" });
}

function pathOf(req: IncomingMessage): string {
  return req.url?.split("?", 1)[0] ?? "";
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
