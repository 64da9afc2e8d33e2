import type { IncomingMessage, ServerResponse } from "node:http";
import { sendJson } from "../telemetry/platform-routes.ts";
import type { Dispatcher, Incoming } from "./dispatcher.ts";
import { restErrorOf } from "./rest-errors.ts";
import type { RestRoute } from "./rest-route.ts";
import { SHIPMENT_ROUTES } from "./rest-shipments.ts";
import { STORE_ROUTES } from "./rest-store.ts";
import type { Rpc } from "./router.ts";

const ROUTES: readonly RestRoute[] = [...SHIPMENT_ROUTES, ...STORE_ROUTES];
const RETRY_AFTER_SECONDS = "1";

interface Call {
  route: RestRoute;
  rpc: Rpc;
  id: bigint;
}

/** The REST routes: each is an RPC, through the same dispatcher. Undefined when the path is none of theirs. */
export function createRestListener(rpcs: readonly Rpc[], dispatcher: Dispatcher) {
  return (path: string) => {
    const routes = ROUTES.filter((route) => route.path.test(path));
    if (routes.length === 0) return undefined;
    return async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
      const route = routes.find((one) => one.method === req.method);
      const rpc = route && rpcs.find(({ method }) => method === route.rpc);
      if (!route || !rpc) return refuseMethod(routes, path, res);
      const id = BigInt(route.path.exec(path)?.[1] ?? 0);
      await answer(dispatcher, { route, rpc, id }, req, res);
    };
  };
}

function refuseMethod(routes: readonly RestRoute[], path: string, res: ServerResponse): void {
  const allowed = routes.map((route) => route.method).join(", ");
  res.setHeader("allow", allowed);
  sendJson(res, 405, { error: `${path} answers ${allowed} only` });
}

async function answer(
  dispatcher: Dispatcher,
  { route, rpc, id }: Call,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const incoming = incomingOf(req, res);
  try {
    await dispatcher.gate(rpc, incoming); // before its body is read
    const message = await dispatcher.unary(rpc, await route.read(req, id), incoming);
    sendJson(res, route.success, route.answer(message));
  } catch (error) {
    const refusal = restErrorOf(error);
    if (!refusal) throw error;
    if (refusal.again) res.setHeader("retry-after", RETRY_AFTER_SECONDS);
    if (!req.complete) res.setHeader("connection", "close"); // the rest of its body is not read
    sendJson(res, refusal.status, route.refuse(refusal));
  }
}

function incomingOf(req: IncomingMessage, res: ServerResponse): Incoming {
  return {
    transport: "http",
    authorization: req.headers.authorization,
    deadline: Number.POSITIVE_INFINITY,
    onCancel: (listener) =>
      res.once("close", () => {
        if (!res.writableFinished) listener(false);
      }),
  };
}
