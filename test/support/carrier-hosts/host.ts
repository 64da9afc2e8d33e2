import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { createFaults, type Fault, type Faults } from "./faults.ts";
import { type HostAnswer, type HostRequest, readRequest, writeAnswer } from "./http-messages.ts";

export interface HostRoute {
  /** What faults and counts call it, such as `create_label`. */
  operation: string;
  method: string;
  /** `/track/v1/details/:number`; a part with a colon matches anything but a slash. */
  path: string;
  /** Needs no credentials: the place where tokens come from. */
  open?: boolean;
  /** Whatever of the request is not as documented. */
  check: (request: HostRequest) => readonly string[];
  /** Does it. */
  answer: (request: HostRequest) => HostAnswer | Promise<HostAnswer>;
}

/** A carrier's documented API, written without a look at our client. */
export interface HostSpec {
  code: string;
  routes: readonly HostRoute[];
  /** An answer: the credentials are not good. */
  authorize(request: HostRequest): HostAnswer | undefined;
  /** The carrier's error body. */
  refuse(problem: { status: number; code?: string | undefined; message: string }): HostAnswer;
}

export interface RunningHost {
  readonly code: string;
  readonly url: string;
  /** Every request, in order, with what it was for. */
  readonly seen: readonly { operation: string; request: HostRequest }[];
  /** What was not as documented; a test asserts that there is nothing. */
  readonly violations: readonly string[];
  readonly faults: Pick<Faults, "plan" | "limit" | "pending" | "clear">;
  /** How often an operation was asked for. */
  calls(operation: string): number;
  close(): Promise<void>;
}

interface Running {
  spec: HostSpec;
  seen: { operation: string; request: HostRequest }[];
  violations: string[];
  faults: Faults;
}

/** Serves a host over real HTTP, on a port of its own. */
export async function startHost(spec: HostSpec, port = 0): Promise<RunningHost> {
  const running: Running = { spec, seen: [], violations: [], faults: createFaults() };
  const server = createServer((incoming, response) => {
    serve(running, incoming, response).catch((error: unknown) => {
      running.violations.push(`the simulator itself failed: ${String(error)}`);
      response.destroy();
    });
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    code: spec.code,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen: running.seen,
    violations: running.violations,
    faults: running.faults,
    calls: (operation) => running.seen.filter((one) => one.operation === operation).length,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

async function serve(running: Running, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  const request = await readRequest(incoming);
  const found = findRoute(running.spec, request);
  if (!found) return writeAnswer(response, unknownPath(running, request));
  const { operation } = found.route;
  running.seen.push({ operation, request: found.request });
  const fault = running.faults.take(operation);
  const spoilt = await answerSpoilt(running, fault, () => answerAsked(running, found));
  if (spoilt === "cut") response.destroy();
  else writeAnswer(response, spoilt);
}

/** The answer, after a fault has had its way with it. */
async function answerSpoilt(
  { spec }: Running,
  fault: Fault | undefined,
  answer: () => Promise<HostAnswer>,
): Promise<HostAnswer | "cut"> {
  if (!fault) return answer();
  if (fault.kind === "slow") {
    await delay(fault.ms);
    return answer();
  }
  if (fault.when === "after") await answer();
  if (fault.kind === "cut") return "cut";
  if (fault.kind === "answer") return fault.answer;
  const refused = spec.refuse({ ...fault, message: "Injected fault" });
  const wait = fault.retryAfter === undefined ? {} : { "retry-after": fault.retryAfter };
  return { ...refused, headers: { ...refused.headers, ...wait } };
}

async function answerAsked(
  { spec, violations, faults }: Running,
  { route, request }: { route: HostRoute; request: HostRequest },
): Promise<HostAnswer> {
  const refused = route.open ? undefined : spec.authorize(request);
  if (refused) return refused;
  const wait = faults.overLimit(route.operation);
  if (wait !== undefined) {
    const answer = spec.refuse({ status: 429, message: "Too many requests" });
    return { ...answer, headers: { ...answer.headers, "retry-after": String(wait) } };
  }
  const wrong = route.check(request);
  if (wrong.length === 0) return route.answer(request);
  violations.push(...wrong.map((text) => `${route.operation}: ${text}`));
  return spec.refuse({ status: 400, message: wrong.join("; ") });
}

function unknownPath({ spec, violations }: Running, { method, path }: HostRequest): HostAnswer {
  violations.push(`there is no ${method} ${path}`);
  return spec.refuse({ status: 404, message: "Not found" });
}

function findRoute(
  { routes }: HostSpec,
  request: HostRequest,
): { route: HostRoute; request: HostRequest } | undefined {
  for (const route of routes) {
    const params = route.method === request.method ? matchPath(route.path, request.path) : undefined;
    if (params) return { route, request: { ...request, params } };
  }
  return undefined;
}

function matchPath(pattern: string, path: string): Record<string, string> | undefined {
  const wanted = pattern.split("/");
  const given = path.split("/");
  if (wanted.length !== given.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const value = given[index] as string;
    if (part.startsWith(":")) params[part.slice(1)] = decodeURIComponent(value);
    else if (part !== value) return undefined;
  }
  return params;
}
