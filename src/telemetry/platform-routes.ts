import type { ServerResponse } from "node:http";
import type { Metrics } from "./metrics.ts";
import type { Readiness } from "./readiness.ts";

export type Route = (res: ServerResponse) => Promise<void> | void;

/** What a platform asks every process. None of it is secret, and none needs a token. */
export function platformRoutes(metrics: Metrics, readiness: () => Promise<Readiness>): Record<string, Route> {
  return {
    "/livez": (res) => sendJson(res, 200, { alive: true }), // never asks others: a restart would not mend them
    "/readyz": async (res) => {
      const state = await readiness();
      sendJson(res, state.ready ? 200 : 503, state);
    },
    // For whoever spreads calls over processes: none fails because a loop is stuck, or Redis away.
    "/readyz/calls": async (res) => {
      const { service, database } = (await readiness()).checks;
      const ready = service?.ok !== false && database?.ok !== false;
      sendJson(res, ready ? 200 : 503, { ready, checks: { service, database } });
    },
    "/metrics": async (res) => {
      const text = await metrics.registry.metrics();
      res.setHeader("content-type", metrics.registry.contentType);
      res.end(text);
    },
  };
}

export function sendJson(res: ServerResponse, status: number, body: object): void {
  res.writeHead(status, { "content-type": "application/json" });
  res.end(`${JSON.stringify(body)}\n`);
}
