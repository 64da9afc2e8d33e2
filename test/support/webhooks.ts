import { createHmac } from "node:crypto";
import { Agent, request as httpRequest } from "node:http";
import { pino } from "pino";
import { Registry } from "prom-client";
import type { Carriers, WebhookDelivery } from "../../src/carriers/carrier.ts";
import { createDExpressCarrier } from "../../src/carriers/d-express/d-express.ts";
import { dExpressSettingsSchema } from "../../src/carriers/d-express/settings.ts";
import { uspsSettingsSchema } from "../../src/carriers/usps/settings.ts";
import { createUspsCarrier } from "../../src/carriers/usps/usps-carrier.ts";
import type { Database } from "../../src/db/database.ts";
import { createWebhookRoute } from "../../src/rpc/webhook-route.ts";
import { openWebhooks, type Webhooks } from "../../src/start/webhooks.ts";
import { createWebhookMetrics } from "../../src/telemetry/webhook-metrics.ts";
import { carrierTools } from "./carrier-hosts/carrier-tools.ts";
import { D_EXPRESS_ACCOUNT } from "./carrier-hosts/d-express-host.ts";
import { eventOf } from "./carrier-hosts/usps-scans.ts";
import { USPS_ACCOUNT } from "./carrier-hosts/usps-shapes.ts";
import { openDoors } from "./doors.ts";

export type Sent = Omit<WebhookDelivery, "received_at">;

export interface Answer {
  status: number;
  body: string;
}

export interface WebhookDoor {
  url: string;
  /** Over real HTTP. */
  send(delivery: Sent): Promise<Answer>;
  webhooks: Webhooks;
  /** Lines of the log. */
  logged: Record<string, unknown>[];
  /** How many deliveries of a carrier's came to this end. */
  count(carrier_code: string, outcome: string): Promise<number>;
  close(): Promise<void>;
}

/** What carriers' hosts come in by, as a process has it. */
export async function openWebhookDoor(db: Database, carriers: Carriers): Promise<WebhookDoor> {
  const logged: Record<string, unknown>[] = [];
  const logger = pino({ level: "info" }, { write: (line: string) => void logged.push(JSON.parse(line)) });
  const registry = new Registry();
  const webhooks = openWebhooks({ db, carriers, logger, count: createWebhookMetrics(registry) });
  const doors = await openDoors({}, { findWebhookRoute: createWebhookRoute(webhooks) });
  const agent = new Agent({ keepAlive: true, maxSockets: 32 });
  return {
    url: doors.httpUrl,
    send: (delivery) => send(new URL(doors.httpUrl), agent, delivery),
    webhooks,
    logged,
    count: async (carrier_code, outcome) => {
      const metric = await registry.getSingleMetric("wms_webhook_deliveries_total")?.get();
      const is = (labels: Record<string, unknown>) =>
        labels["carrier_code"] === carrier_code && labels["outcome"] === outcome;
      return metric?.values.find(({ labels }) => is(labels))?.value ?? 0;
    },
    close: async () => {
      agent.destroy();
      await doors.close();
      await webhooks.stop();
    },
  };
}

function send(url: URL, agent: Agent, { method, path, headers, body }: Sent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const to = { agent, host: url.hostname, port: url.port, method, path, headers: { ...headers } };
    const request = httpRequest(to, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }),
      );
      response.on("error", reject);
    });
    request.on("error", reject);
    request.end(body);
  });
}

/** USPS, which signs and can be asked, and D Express, which only tells. */
export function deliveringCarriers({ uspsUrl = "http://127.0.0.1:1" } = {}): Carriers {
  const { webhookSecret, ...account } = USPS_ACCOUNT;
  const usps = uspsSettingsSchema.parse({
    ...account,
    baseUrl: uspsUrl,
    webhookSecrets: ["the-secret-that-comes-next-00000", webhookSecret],
    callsPerHour: 10_000_000,
  });
  const { username, password, clientId, passcode } = D_EXPRESS_ACCOUNT;
  const codes = { prefix: "TT", first: 1, last: 9_999 };
  const d_express = dExpressSettingsSchema.parse({
    username,
    password,
    clientId,
    codes,
    passcodes: [passcode],
  });
  return new Map([
    ["usps", createUspsCarrier(usps, carrierTools())],
    ["d_express", createDExpressCarrier(d_express, carrierTools())],
  ]);
}

export interface Scan {
  code: string;
  at: Date;
  place?: string;
}

/** One scan, as USPS delivers it; `timestamp` is when it did. */
export function uspsDelivery(
  trackingNumber: string,
  { code, at, place = "Austin, TX" }: Scan,
  { secret = USPS_ACCOUNT.webhookSecret as string, timestamp = new Date().toISOString() } = {},
): Sent {
  const scan = eventOf({ code, at, place, text: `Event ${code}` });
  const payload = JSON.stringify({ trackingNumber, trackingEvents: [scan] });
  const signature = createHmac("sha256", secret)
    .update(timestamp + payload)
    .digest("base64");
  return {
    method: "POST",
    path: "/webhooks/carriers/usps",
    headers: { "content-type": "application/json", "x-hmac": signature },
    body: Buffer.from(JSON.stringify({ timestamp, payload })),
  };
}

/** One scan, as D Express tells of it: by POST with JSON, or by PUT with a query. */
export function dExpressDelivery(
  code: string,
  scan: Scan,
  { nID = `${code}/${scan.code}/${scan.at.getTime()}`, cc = D_EXPRESS_ACCOUNT.passcode as string } = {},
  method: "POST" | "PUT" = "POST",
): Sent {
  const fields = { cc, nID, code, rID: "", sID: scan.code, dt: belgradeTime(scan.at) };
  const path = "/webhooks/carriers/d_express";
  return {
    method,
    path: method === "PUT" ? `${path}?${new URLSearchParams(fields).toString()}` : path,
    headers: { "content-type": "application/json" },
    body: method === "PUT" ? Buffer.alloc(0) : Buffer.from(JSON.stringify(fields)),
  };
}

function belgradeTime(at: Date): string {
  const parts = new Intl.DateTimeFormat("sv-SE", {
    timeZone: "Europe/Belgrade",
    dateStyle: "short",
    timeStyle: "medium",
  });
  return parts.format(at).replace(/\D/g, "");
}
