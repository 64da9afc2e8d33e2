import { randomBytes } from "node:crypto";
import type { ServerResponse } from "node:http";
import {
  type Carrier,
  type CarrierCapabilities,
  CarrierRefusal,
  CarrierUnavailable,
  CarrierUncertain,
  type LabelPurchase,
  type LabelRequest,
} from "../../src/carriers/carrier.ts";
import {
  createOutside,
  type Outside,
  OutsideError,
  type OutsideRequest,
} from "../../src/outside/outside-client.ts";
import { startOutsideHost } from "./outside-host.ts";

/** What happens to the next purchase: its answer is lost after it was made, or before; or it is answered like this. */
export type Mishap = "lost after" | "lost before" | "silent after" | "garbled after" | number;

export interface SoldLabel {
  reference: string;
  box: number;
  number: string;
  voided: boolean;
}

export interface LabelHost {
  url: string;
  /** Every label that was ever sold. */
  sold: SoldLabel[];
  /** For the purchases that come, in their order. */
  mishaps: Mishap[];
  /** While it is set, everything is answered with it. */
  outage: number | undefined;
  calls(path: string): number;
  close(): Promise<void>;
}

/**
 * A carrier's host that sells labels over HTTP and forgets none of them. `repeat` says what it does with a reference that
 * it knows: gives the first label again, or sells another.
 */
export async function startLabelHost(repeat: CarrierCapabilities["repeat"]): Promise<LabelHost> {
  const sold: SoldLabel[] = [];
  const mishaps: Mishap[] = [];
  const series = `TS${randomBytes(4).toString("hex").toUpperCase()}`;
  const state = { outage: undefined as number | undefined };
  const host = await startOutsideHost(({ method, url, body }, response) => {
    if (state.outage !== undefined) return response.writeHead(state.outage).end();
    const { pathname, searchParams } = new URL(url, "http://host.test");
    if (pathname === "/void") return void_(sold, JSON.parse(body), response);
    if (method === "GET") return answer(response, listed(sold, searchParams.get("reference") ?? ""));
    return sell({ sold, series, repeat, mishap: mishaps.shift() }, JSON.parse(body), response);
  });
  const calls = (path: string) => host.seen.filter(({ url }) => url.startsWith(path)).length;
  return Object.assign(state, { url: host.url, sold, mishaps, calls, close: () => host.close() });
}

interface Order {
  reference: string;
  boxes: number[];
}

interface Sale {
  sold: SoldLabel[];
  /** What its numbers begin with. */
  series: string;
  repeat: CarrierCapabilities["repeat"];
  mishap: Mishap | undefined;
}

function sell(
  { sold, series, repeat, mishap }: Sale,
  { reference, boxes }: Order,
  response: ServerResponse,
): void {
  if (typeof mishap === "number") return void response.writeHead(mishap, { "retry-after": "1" }).end();
  if (mishap === "lost before") return void response.destroy();
  const known = listed(sold, reference);
  const labels = boxes.map((box) => {
    const same = repeat === "idempotent" ? known.find((one) => one.box === box) : undefined;
    const number = `${series}${String(sold.length + 1).padStart(6, "0")}`;
    const label = same ?? { reference, box, number, voided: false };
    if (!same) sold.push(label);
    return label;
  });
  if (mishap === "lost after") return void response.destroy();
  if (mishap === "silent after") return undefined;
  if (mishap === "garbled after") return void response.end("<html>oops</html>");
  return answer(response, labels);
}

function listed(sold: readonly SoldLabel[], reference: string): SoldLabel[] {
  return sold.filter((label) => label.reference === reference && !label.voided);
}

function void_(sold: readonly SoldLabel[], numbers: string[], response: ServerResponse): void {
  for (const label of sold) if (numbers.includes(label.number)) label.voided = true;
  response.end();
}

function answer(response: ServerResponse, body: unknown): void {
  response.end(JSON.stringify(body));
}

export interface LabelCarrierOptions {
  repeat: CarrierCapabilities["repeat"];
  settleSeconds?: number;
  timeoutMs?: number;
  outside?: Outside;
}

/** Its breaker never opens. */
const PATIENT = createOutside({ record: async () => {} }, { failures: 1_000_000 });

/** A client of that host, as a real carrier's would be written. */
export function labelCarrier(
  url: string,
  { repeat, settleSeconds = 0, timeoutMs = 300, outside = PATIENT }: LabelCarrierOptions,
): Carrier {
  const client = outside({ service: "testship", baseUrl: url, timeoutMs });
  const send = async (request: OutsideRequest) => {
    const { status, body, retryAfterSeconds } = await client.send(request).catch(portError);
    if (status === 503 || status === 429) throw new CarrierUnavailable("later", retryAfterSeconds ?? null);
    if (status >= 500) throw new CarrierUncertain(`testship says ${status}`);
    if (status >= 400) throw new CarrierRefusal(`testship says ${status}`, String(status));
    return body.toString("utf8");
  };
  const buy = ({ reference, packages }: LabelRequest) => {
    const body = JSON.stringify({ reference, boxes: packages.map((box) => box.sequence_number) });
    return send({ operation: "create_label", method: "POST", path: "/labels", body });
  };
  return {
    code: "testship",
    name: "Testship",
    capabilities: { ...CAPABILITIES, repeat, settleSeconds },
    createLabel: async (request) => readPurchase(await buy(request)),
    ...(repeat === "lookup" && {
      findByReference: async ({ reference }) =>
        readPurchase(
          await send({ operation: "find_label", method: "GET", path: `/labels?reference=${reference}` }),
        ),
    }),
    voidLabel: async ({ tracking_numbers }) => {
      const body = JSON.stringify(tracking_numbers);
      await send({ operation: "void_label", method: "POST", path: "/void", body });
    },
  };
}

const CAPABILITIES = {
  labelFormats: ["zpl"],
  voidsLabels: true,
  tracking: "none",
  trackingBatchSize: 1,
  minPollSeconds: 0,
  rateLimit: null,
} satisfies Omit<CarrierCapabilities, "repeat">;

function portError(error: unknown): never {
  if (!(error instanceof OutsideError)) throw error;
  if (error.failure === "not_sent") throw new CarrierUnavailable(error.message, error.retryAfterSeconds);
  throw new CarrierUncertain(error.message);
}

function readPurchase(text: string): LabelPurchase {
  const sold = JSON.parse(text) as SoldLabel[];
  return {
    labels: sold.map(({ box, number }) => ({
      sequence_number: box,
      tracking_number: number,
      format: "zpl" as const,
      data: Buffer.from(`^XA^FD${number}^FS^XZ`),
    })),
    carrier_reference: `purchase of ${sold.map(({ number }) => number).join("+")}`,
  };
}
