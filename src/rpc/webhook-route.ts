import type { IncomingMessage, ServerResponse } from "node:http";
import { sendJson } from "../telemetry/platform-routes.ts";

/** What a carrier's host sent, as it came. */
export interface CarrierDelivery {
  method: string;
  /** With its query. */
  path: string;
  /** Names in lower case. */
  headers: Readonly<Record<string, string>>;
  body: Uint8Array;
  received_at: Date;
}

export type DeliveryOutcome = "taken" | "repeated" | "rejected" | "unavailable";

/** How deliveries of carriers enter. */
export interface DeliveryDoor {
  /** Whether this carrier delivers here. */
  knows(carrier_code: string): boolean;
  /** Stores a delivery that is the carrier's own; does not throw. */
  take(carrier_code: string, delivery: CarrierDelivery): Promise<DeliveryOutcome>;
}

const PATH = /^\/webhooks\/carriers\/([a-z0-9_-]{1,40})$/;
const MAX_BYTES = 256 * 1024;
/** A body that takes longer than this is not waited for. */
const BODY_MS = 5_000;
/** Bodies held at once: those who send slowly, or too much, must take neither our memory nor others' turn. */
const MAX_AT_ONCE = 200;

const ANSWERS = {
  taken: [200, { status: "accepted" }],
  repeated: [200, { status: "accepted" }], // whoever repeats a delivery learns that it has arrived
  rejected: [401, { error: "this delivery is not accepted" }], // why is nobody's business who can't sign
  unavailable: [503, { error: "try again in a while" }],
} as const satisfies Record<DeliveryOutcome, readonly [number, object]>;

/** Who answers this path; undefined: it is not one that carriers deliver to. */
export type WebhookRoute = (
  path: string,
) => ((req: IncomingMessage, res: ServerResponse) => Promise<void>) | undefined;

/** Bodies on their way, each by what breaks it off; the one that takes longest is first. */
type Unread = Set<() => void>;

/** Answers what carriers' hosts send to `/webhooks/carriers/{carrier}`. */
export function createWebhookRoute(door: DeliveryDoor): WebhookRoute {
  const unread: Unread = new Set();
  const answer = async (code: string, req: IncomingMessage, res: ServerResponse): Promise<void> => {
    if (!door.knows(code)) return refuse(req, res, 404, `${code} delivers nothing here`);
    if (req.method !== "POST" && req.method !== "PUT") {
      res.setHeader("allow", "POST, PUT");
      return refuse(req, res, 405, "deliveries are POSTed or PUT");
    }
    const body = await readBody(req, unread);
    if (body === "too_large") return refuse(req, res, 413, `a delivery has at most ${MAX_BYTES} bytes`);
    if (body === "broken") return refuse(req, res, 408, "the delivery did not come to its end");
    const [status, words] = ANSWERS[await door.take(code, deliveryOf(req, body))];
    if (status === 503) res.setHeader("retry-after", "5");
    sendJson(res, status, words);
  };
  return (path) => {
    const code = PATH.exec(path)?.[1];
    return code === undefined ? undefined : (req, res) => answer(code, req, res);
  };
}

/** Without reading the rest of the body: the line is not used again. */
function refuse(req: IncomingMessage, res: ServerResponse, status: number, error: string): void {
  res.setHeader("connection", "close");
  res.once("finish", () => req.destroy());
  sendJson(res, status, { error });
}

async function readBody(req: IncomingMessage, unread: Unread): Promise<Uint8Array | "too_large" | "broken"> {
  if (Number(req.headers["content-length"] ?? 0) > MAX_BYTES) return "too_large";
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const end = (outcome: Uint8Array | "too_large" | "broken") => {
      clearTimeout(timer);
      unread.delete(breakOff);
      req.removeAllListeners("data").pause();
      resolve(outcome);
    };
    const breakOff = () => end("broken");
    const timer = setTimeout(breakOff, BODY_MS);
    if (unread.size >= MAX_AT_ONCE) unread.values().next().value?.();
    unread.add(breakOff);
    req.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length > MAX_BYTES) end("too_large");
      else chunks.push(chunk);
    });
    req.once("end", () => end(Buffer.concat(chunks)));
    req.once("close", breakOff);
    req.once("error", breakOff);
  });
}

function deliveryOf({ method = "", url = "", headers }: IncomingMessage, body: Uint8Array): CarrierDelivery {
  const plain = Object.entries(headers).map(([name, value]) => [name, String(value)]);
  return { method, path: url, headers: Object.fromEntries(plain), body, received_at: new Date() };
}
