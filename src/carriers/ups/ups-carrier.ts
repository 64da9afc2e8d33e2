import type { Carrier, CarrierCapabilities } from "../carrier.ts";
import { createStatusReader } from "../status-map.ts";
import type { CarrierTools } from "../tools.ts";
import { quoteUps } from "./quote.ts";
import type { UpsSettings } from "./settings.ts";
import { buyUpsLabels, voidUpsLabels } from "./ship.ts";
import statuses from "./statuses.json" with { type: "json" };
import { trackUps } from "./track.ts";
import { createUpsHost } from "./ups-host.ts";
import { parseUpsWebhook } from "./webhook.ts";

const CAPABILITIES: CarrierCapabilities = {
  labelFormats: ["zpl", "pdf"],
  repeat: "never",
  voidsLabels: true,
  tracking: "both",
  trackingBatchSize: 1,
  minPollSeconds: 900,
  rateLimit: null,
};

/** UPS's REST API: Rating, Shipping, Tracking, and what Track Alert sends. */
export function createUpsCarrier(settings: UpsSettings, tools: CarrierTools): Carrier {
  const host = createUpsHost(settings, tools);
  const statusOf = createStatusReader(statuses, settings.statuses);
  return {
    code: "ups",
    name: "UPS",
    capabilities: CAPABILITIES,
    quote: (request) => quoteUps(host, settings, request),
    createLabel: (request) => buyUpsLabels(host, settings, request),
    voidLabel: (label) => voidUpsLabels(host, label),
    track: (parcels) => trackUps(host, statusOf, parcels),
    parseWebhook: (delivery) => parseUpsWebhook(settings.webhookSecrets, statusOf, delivery),
  };
}
