import type { Carrier, CarrierCapabilities } from "../carrier.ts";
import { createStatusReader } from "../status-map.ts";
import type { CarrierTools } from "../tools.ts";
import { buyUspsLabels, voidUspsLabels } from "./label.ts";
import type { UspsSettings } from "./settings.ts";
import statuses from "./statuses.json" with { type: "json" };
import { trackUsps } from "./track.ts";
import { createUspsHosts } from "./usps-host.ts";
import { parseUspsWebhook } from "./webhook.ts";

const CAPABILITIES: Omit<CarrierCapabilities, "rateLimit"> = {
  labelFormats: ["zpl", "pdf", "png"],
  repeat: "idempotent",
  // USPS doesn't say for how long it knows a key; so long such keys are known elsewhere.
  remembersHours: 24,
  voidsLabels: true,
  tracking: "both",
  trackingBatchSize: 1,
  minPollSeconds: 3600,
};

/** USPS's APIs, version 3: domestic labels, tracking, and its tracking subscriptions. */
export function createUspsCarrier(settings: UspsSettings, tools: CarrierTools): Carrier {
  const hosts = createUspsHosts(settings, tools);
  const statusOf = createStatusReader(statuses, settings.statuses);
  return {
    code: "usps",
    name: "USPS",
    capabilities: { ...CAPABILITIES, rateLimit: { calls: settings.callsPerHour, seconds: 3600 } },
    createLabel: (request) => buyUspsLabels(hosts.labels, settings, request, tools.now()),
    voidLabel: (label) => voidUspsLabels(hosts.labels, label),
    track: (parcels) => trackUsps(hosts.tracking, statusOf, parcels),
    parseWebhook: (delivery) => parseUspsWebhook(settings.webhookSecrets, statusOf, delivery),
  };
}
