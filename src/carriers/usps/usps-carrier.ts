import type { Carrier, CarrierCapabilities } from "../carrier.ts";
import { createStatusReader } from "../status-map.ts";
import type { CarrierTools } from "../tools.ts";
import { buyUspsLabels, voidUspsLabels } from "./label.ts";
import { quoteUsps } from "./quote.ts";
import type { UspsSettings } from "./settings.ts";
import statuses from "./statuses.json" with { type: "json" };
import { trackUsps, trackUspsBatch } from "./track.ts";
import { createUspsHosts } from "./usps-host.ts";
import { parseUspsWebhook } from "./webhook.ts";

const CAPABILITIES: Omit<CarrierCapabilities, "rateLimit" | "trackingBatchSize"> = {
  labelFormats: ["zpl", "pdf", "png"],
  repeat: "idempotent",
  // USPS doesn't say for how long it knows a key; so long such keys are known elsewhere.
  remembersHours: 24,
  voidsLabels: true,
  tracking: "both",
  minPollSeconds: 3600,
};

const TRACKING = {
  v3: { track: trackUsps, trackingBatchSize: 1 },
  v3r2: { track: trackUspsBatch, trackingBatchSize: 35 },
};

/** USPS's APIs, version 3: domestic prices and labels, tracking, and its tracking subscriptions. */
export function createUspsCarrier(settings: UspsSettings, tools: CarrierTools): Carrier {
  const hosts = createUspsHosts(settings, tools);
  const statusOf = createStatusReader(statuses, settings.statuses);
  const { track, trackingBatchSize } = TRACKING[settings.trackingApi];
  const rateLimit = { calls: settings.callsPerHour, seconds: 3600 };
  return {
    code: "usps",
    name: "USPS",
    capabilities: { ...CAPABILITIES, trackingBatchSize, rateLimit },
    quote: (request) => quoteUsps(hosts.tracking, settings, request, tools.now()),
    createLabel: (request) => buyUspsLabels(hosts.labels, settings, request, tools.now()),
    voidLabel: (label) => voidUspsLabels(hosts.labels, label),
    track: (parcels) => track(hosts.tracking, statusOf, parcels),
    parseWebhook: (delivery) => parseUspsWebhook(settings.webhookSecrets, statusOf, delivery),
  };
}
