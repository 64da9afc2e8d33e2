import type { Carrier, CarrierCapabilities } from "../carrier.ts";
import { createStatusReader } from "../status-map.ts";
import type { CarrierTools } from "../tools.ts";
import { createFedexHosts } from "./fedex-host.ts";
import { quoteFedex } from "./quote.ts";
import type { FedexSettings } from "./settings.ts";
import { buyFedexLabels, voidFedexLabels } from "./ship.ts";
import statuses from "./statuses.json" with { type: "json" };
import { trackFedex } from "./track.ts";
import { parseFedexWebhook } from "./webhook.ts";

const CAPABILITIES: CarrierCapabilities = {
  labelFormats: ["zpl", "pdf", "png"],
  repeat: "never",
  voidsLabels: true,
  tracking: "both",
  trackingBatchSize: 30,
  minPollSeconds: 900,
  rateLimit: { calls: 1400, seconds: 10 },
};

/** FedEx's REST API: Rate, Ship, Track, and its webhook of advanced integrated visibility. */
export function createFedexCarrier(settings: FedexSettings, tools: CarrierTools): Carrier {
  const hosts = createFedexHosts(settings, tools);
  const statusOf = createStatusReader(statuses, settings.statuses);
  return {
    code: "fedex",
    name: "FedEx",
    capabilities: CAPABILITIES,
    quote: (request) => quoteFedex(hosts.ship, settings, request),
    createLabel: (request) => buyFedexLabels(hosts.ship, settings, request),
    voidLabel: (label) => voidFedexLabels(hosts.ship, settings, label),
    track: (parcels) => trackFedex(hosts.track, statusOf, parcels),
    parseWebhook: (delivery) => parseFedexWebhook(settings.webhookSecrets, statusOf, delivery),
  };
}
