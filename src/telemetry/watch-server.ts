import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type Route, sendJson } from "./platform-routes.ts";

const LIMITS = { headersTimeout: 5_000, requestTimeout: 5_000, maxHeaderSize: 16 * 1024 };
const MAX_CONNECTIONS = 50;

export interface WatchServer {
  port: number;
  stop(): Promise<void>;
}

interface WatchServerOptions {
  host: string;
  port: number;
  routes: Record<string, Route>;
  /** Told of an answer that could not be given. */
  onError: (error: unknown) => void;
}

/** A door for platforms alone: no calls come in by it. */
export async function startWatchServer({
  host,
  port,
  routes,
  onError,
}: WatchServerOptions): Promise<WatchServer> {
  const answer = async (path: string, res: ServerResponse) => {
    const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
    if (route) await route(res);
    else sendJson(res, 404, { error: `there is ${Object.keys(routes).join(", ")}, and nothing else` });
  };
  const server = createServer(LIMITS, (req, res) => {
    answer(req.url?.split("?", 1)[0] ?? "", res).catch((error: unknown) => {
      onError(error);
      res.destroy();
    });
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.listen(port, host);
  await once(server, "listening");
  const stop = async () => {
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  };
  return { port: (server.address() as AddressInfo).port, stop };
}
